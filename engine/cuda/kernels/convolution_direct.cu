// Convolutions of any size, by their definition: a thread makes one number after another. Slow, and there for the sizes that
// no other kernel takes, and for comparisons.
//
//   convolution_direct_forward_T          (sizes, x, filters, y)
//   convolution_direct_input_gradient_T   (sizes, filters, dy, source, dx)   dx = gradient + source; source may be NULL, or dx
//   convolution_direct_weight_gradient_T  (sizes, x, dy, partials)           float32 [parts, out, kernel, kernel, in], a part
//                                                                            for each block along y
//
// sizes are batch, height, width, in, out, kernel, stride and pad, all int64; T is float32 or bfloat16, of x, filters, y, dy,
// source and dx; see convolution.h. Any grid of blocks of any number of threads. Sums are made in float32, in a fixed order.
#include "convolution.h"
#include "elements.h"

namespace {

template <typename T>
__device__ __forceinline__ void forward(const Convolution &c, const T *x, const T *filters, T *y) {
  const int64_t n = c.output_pixels() * c.out;
  for (int64_t at = thread_of_grid(); at < n; at += threads_of_grid()) {
    const int64_t pixel = at / c.out, o = at % c.out;
    float sum = 0;
    for (int64_t tap = 0; tap < c.taps(); tap++) {
      const int64_t from = c.input_of(pixel, tap);
      if (from < 0) continue;
      const T *a = x + from * c.in, *b = filters + (o * c.taps() + tap) * c.in;
      for (int64_t i = 0; i < c.in; i++) sum += load(a[i]) * load(b[i]);
    }
    store(y + at, sum);
  }
}

template <typename T>
__device__ __forceinline__ void input_gradient(const Convolution &c, const T *filters, const T *dy, const T *source, T *dx) {
  const int64_t n = c.input_pixels() * c.in;
  for (int64_t at = thread_of_grid(); at < n; at += threads_of_grid()) {
    const int64_t pixel = at / c.in, i = at % c.in;
    float sum = 0;
    for (int64_t tap = 0; tap < c.taps(); tap++) {
      const int64_t from = c.output_of(pixel, tap);
      if (from < 0) continue;
      const T *a = dy + from * c.out, *b = filters + tap * c.in + i;
      for (int64_t o = 0; o < c.out; o++) sum += load(a[o]) * load(b[o * c.taps() * c.in]);
    }
    if (source) sum += load(source[at]);
    store(dx + at, sum);
  }
}

// Each part has about as many pixels as the others, one after another.
template <typename T>
__device__ __forceinline__ void weight_gradient(const Convolution &c, const T *x, const T *dy, float *partials) {
  const int64_t n = c.out * c.taps() * c.in;
  const int64_t first = c.output_pixels() * blockIdx.y / gridDim.y, end = c.output_pixels() * (blockIdx.y + 1) / gridDim.y;
  for (int64_t at = thread_of_grid(); at < n; at += threads_of_grid()) {
    const int64_t o = at / (c.taps() * c.in), tap = at / c.in % c.taps(), i = at % c.in;
    float sum = 0;
    for (int64_t pixel = first; pixel < end; pixel++) {
      const int64_t from = c.input_of(pixel, tap);
      if (from >= 0) sum += load(x[from * c.in + i]) * load(dy[pixel * c.out + o]);
    }
    partials[blockIdx.y * n + at] = sum;
  }
}

}  // namespace

extern "C" __global__ void convolution_direct_forward_float32(CONVOLUTION_SIZES, const float *x, const float *filters,
                                                              float *y) {
  forward(CONVOLUTION_OF_SIZES, x, filters, y);
}
EXPORT(convolution_direct_forward_float32)
extern "C" __global__ void convolution_direct_forward_bfloat16(CONVOLUTION_SIZES, const __nv_bfloat16 *x,
                                                               const __nv_bfloat16 *filters, __nv_bfloat16 *y) {
  forward(CONVOLUTION_OF_SIZES, x, filters, y);
}
EXPORT(convolution_direct_forward_bfloat16)

extern "C" __global__ void convolution_direct_input_gradient_float32(CONVOLUTION_SIZES, const float *filters, const float *dy,
                                                                     const float *source, float *dx) {
  input_gradient(CONVOLUTION_OF_SIZES, filters, dy, source, dx);
}
EXPORT(convolution_direct_input_gradient_float32)
extern "C" __global__ void convolution_direct_input_gradient_bfloat16(CONVOLUTION_SIZES, const __nv_bfloat16 *filters,
                                                                      const __nv_bfloat16 *dy, const __nv_bfloat16 *source,
                                                                      __nv_bfloat16 *dx) {
  input_gradient(CONVOLUTION_OF_SIZES, filters, dy, source, dx);
}
EXPORT(convolution_direct_input_gradient_bfloat16)

extern "C" __global__ void convolution_direct_weight_gradient_float32(CONVOLUTION_SIZES, const float *x, const float *dy,
                                                                      float *partials) {
  weight_gradient(CONVOLUTION_OF_SIZES, x, dy, partials);
}
EXPORT(convolution_direct_weight_gradient_float32)
extern "C" __global__ void convolution_direct_weight_gradient_bfloat16(CONVOLUTION_SIZES, const __nv_bfloat16 *x,
                                                                       const __nv_bfloat16 *dy, float *partials) {
  weight_gradient(CONVOLUTION_OF_SIZES, x, dy, partials);
}
EXPORT(convolution_direct_weight_gradient_bfloat16)
