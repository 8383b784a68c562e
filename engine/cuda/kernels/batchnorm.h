// What batch norm's kernels share with others that take one in.
#ifndef TWINVIEW_CUDA_BATCHNORM_H
#define TWINVIEW_CUDA_BATCHNORM_H

#include "elements.h"

// The batch norm of W channels: y = (x − mean)·scale + bias. Forward and backward must agree on the last bit of it, since it
// says where a ReLU let something through: at() is the only place that computes it.
template <int W>
struct Normal {
  float mean[W], inverse[W], scale[W], bias[W];  // inverse is 1/√(variance + epsilon), scale is weight·inverse

  // Without bias it is 0, without weight 1.
  __device__ __forceinline__ Normal(int64_t channel, int64_t channels, float epsilon, const float *stats,
                                    const float *weight, const float *bias_) {
#pragma unroll
    for (int i = 0; i < W; i++) {
      const int64_t c = channel + i;
      mean[i] = stats[c];
      inverse[i] = 1.0f / sqrtf(stats[channels + c] + epsilon);
      scale[i] = weight ? weight[c] * inverse[i] : inverse[i];
      bias[i] = bias_ ? bias_[c] : 0.0f;
    }
  }

  __device__ __forceinline__ float at(int i, float x) const { return fmaf(x - mean[i], scale[i], bias[i]); }
};

#endif
