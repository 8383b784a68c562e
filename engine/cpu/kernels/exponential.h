// An exponential that the compiler turns into vector instructions, which it cannot do with the C library's.
#ifndef TWINVIEW_ENGINE_CPU_EXPONENTIAL_H
#define TWINVIEW_ENGINE_CPU_EXPONENTIAL_H

#include <cstdint>
#include <cstring>

namespace twinview {

// exponential is eˣ to 2 units in the last place: x = n·ln 2 + r, and the polynomial of Cephes (expf.c) for eʳ. Below
// −87.3 it is that of −87.3, about 1e-38, above 88 that of 88; NaN stays NaN.
inline float exponential(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding 1.5·2²³ leaves the rounded sum in the low bits of the mantissa.
  constexpr float kRounder = 12582912.0f;
  const float shifted = x * 1.44269504f + kRounder, n = shifted - kRounder;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;  // ln 2 in two parts
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3f800000u;  // 2ⁿ
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return (p * r * r + r + 1.0f) * power;
}

}  // namespace twinview
#endif
