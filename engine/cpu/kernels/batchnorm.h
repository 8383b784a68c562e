// What batch norm's own passes share with the convolutions that take one in.
#ifndef TWINVIEW_ENGINE_CPU_BATCHNORM_H
#define TWINVIEW_ENGINE_CPU_BATCHNORM_H

#include <cmath>
#include <cstdint>
#include <vector>

namespace twinview {

inline float inverse_deviation(float variance, double epsilon) { return float(1.0 / std::sqrt(variance + epsilon)); }

// The batch norm as y = x·scale + shift.
struct Line {
  std::vector<float> scale, shift;
  Line(int64_t channels, double epsilon, const float *stats, const float *weight, const float *bias)
      : scale(channels), shift(channels) {
    for (int64_t c = 0; c < channels; c++) {
      scale[c] = weight[c] * inverse_deviation(stats[channels + c], epsilon);
      shift[c] = bias[c] - stats[c] * scale[c];
    }
  }
};

}  // namespace twinview
#endif
