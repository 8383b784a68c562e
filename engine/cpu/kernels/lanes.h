// Sums over one long row that a vector unit can make: sixteen partial sums, element i in number i mod 16, added at the end
// in a fixed order. The result is the same for every width of vector, and NaN in any element makes it NaN.
#ifndef TWINVIEW_ENGINE_CPU_LANES_H
#define TWINVIEW_ENGINE_CPU_LANES_H

#include <cstdint>

namespace twinview {

constexpr int kLanes = 16;

template <typename T>
inline T add_lanes(const T *lane) {
  T sum = 0;
  for (int j = 0; j < kLanes; j++) sum += lane[j];
  return sum;
}

// Σ a_i·b_i in float64. Inline, so that each caller's build for an instruction set has its own.
inline double dot(int64_t n, const float *a, const float *b) {
  double lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; j++) lane[j] += double(a[i + j]) * double(b[i + j]);
  for (int j = 0; i + j < n; j++) lane[j] += double(a[i + j]) * double(b[i + j]);
  return add_lanes(lane);
}

}  // namespace twinview
#endif
