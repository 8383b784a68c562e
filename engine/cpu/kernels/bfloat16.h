// Elements of activations: float32 as it is, bfloat16 as the upper half of a float32. Everything is computed in float32.
#ifndef TWINVIEW_ENGINE_CPU_BFLOAT16_H
#define TWINVIEW_ENGINE_CPU_BFLOAT16_H

#include <cstdint>
#include <cstring>

#include "bridge.h"

namespace twinview {

struct bfloat16 {
  uint16_t bits;
};

inline __attribute__((always_inline)) float load(float x) { return x; }

inline __attribute__((always_inline)) float load(bfloat16 x) {
  const uint32_t bits = uint32_t(x.bits) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline __attribute__((always_inline)) void store(float *to, float value) { *to = value; }

// Rounds to nearest, ties to even; NaN stays NaN.
inline __attribute__((always_inline)) void store(bfloat16 *to, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  to->bits = value != value ? uint16_t(bits >> 16 | 0x40) : uint16_t(rounded);
}

// with_elements calls body with a null pointer to the element type of the precision.
template <typename Body>
void with_elements(tv_precision precision, Body body) {
  if (precision == TV_BFLOAT16) return body(static_cast<bfloat16 *>(nullptr));
  body(static_cast<float *>(nullptr));
}

}  // namespace twinview
#endif
