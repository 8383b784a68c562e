// The mean over all pixels of an image, and its gradient. x and dx are [batch, pixels, channels] of T, float32 or bfloat16; y
// and dy are [batch, channels] of float32. Sizes are int64. Any grid will do (Elementwise).
//
//   average_pool_T       (batch, pixels, channels, x, y)
//   average_pool_grad_T  (batch, pixels, channels, dy, dx)   dx = dy / pixels in every pixel
//
// There are few pixels where a ResNet ends, 16 of a small image, so a thread adds up all of them for its channels.
#include "elements.h"

namespace {

template <typename T, int W>
__device__ void average(int64_t batch, int64_t pixels, int64_t channels, const T *x, float *y) {
  const int64_t groups = channels / W;
  for (int64_t i = thread_of_grid(); i < batch * groups; i += threads_of_grid()) {
    const int64_t image = i / groups, c = i % groups * W;
    const T *from = x + image * pixels * channels + c;
    float sum[W] = {};
#pragma unroll 4
    for (int64_t p = 0; p < pixels; p++) {
      float v[W];
      load_pack(from + p * channels, v);
#pragma unroll
      for (int j = 0; j < W; j++) sum[j] += v[j];
    }
#pragma unroll
    for (int j = 0; j < W; j++) y[image * channels + c + j] = sum[j] / float(pixels);
  }
}

template <typename T>
__device__ __forceinline__ void average_pool(int64_t batch, int64_t pixels, int64_t channels, const T *x, float *y) {
  constexpr int W = Wide<T>::elements;
  if (channels % W == 0 && aligned(x)) return average<T, W>(batch, pixels, channels, x, y);
  average<T, 1>(batch, pixels, channels, x, y);
}

template <typename T, int W>
__device__ void spread(int64_t batch, int64_t pixels, int64_t channels, const float *dy, T *dx) {
  const int64_t groups = channels / W;
  for (int64_t i = thread_of_grid(); i < batch * pixels * groups; i += threads_of_grid()) {
    const int64_t image = i / (pixels * groups), c = i % groups * W;
    float v[W];
#pragma unroll
    for (int j = 0; j < W; j++) v[j] = dy[image * channels + c + j] / float(pixels);
    store_pack(dx + i * W, v);
  }
}

template <typename T>
__device__ __forceinline__ void average_pool_grad(int64_t batch, int64_t pixels, int64_t channels, const float *dy, T *dx) {
  constexpr int W = Wide<T>::elements;
  if (channels % W == 0 && aligned(dx)) return spread<T, W>(batch, pixels, channels, dy, dx);
  spread<T, 1>(batch, pixels, channels, dy, dx);
}

}  // namespace

extern "C" __global__ void average_pool_float32(int64_t batch, int64_t pixels, int64_t channels, const float *x, float *y) {
  average_pool(batch, pixels, channels, x, y);
}
EXPORT(average_pool_float32)
extern "C" __global__ void average_pool_bfloat16(int64_t batch, int64_t pixels, int64_t channels, const __nv_bfloat16 *x,
                                                 float *y) {
  average_pool(batch, pixels, channels, x, y);
}
EXPORT(average_pool_bfloat16)

extern "C" __global__ void average_pool_grad_float32(int64_t batch, int64_t pixels, int64_t channels, const float *dy,
                                                     float *dx) {
  average_pool_grad(batch, pixels, channels, dy, dx);
}
EXPORT(average_pool_grad_float32)
extern "C" __global__ void average_pool_grad_bfloat16(int64_t batch, int64_t pixels, int64_t channels, const float *dy,
                                                      __nv_bfloat16 *dx) {
  average_pool_grad(batch, pixels, channels, dy, dx);
}
EXPORT(average_pool_grad_bfloat16)
