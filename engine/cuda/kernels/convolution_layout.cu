// Around convolutions: weights into filters, the weight gradient's parts into a gradient, and images padded with channels of
// zeros, as fast kernels want channels in fours or eights. Any grid along x of blocks of any number of threads.
//
//   filters_T         (out, in, padded, taps, w, filters)    w float32 [out, in, taps] into T [out, taps, padded]
//   convolution_weight_sum  (parts, out, in, padded, taps, partials, dw)
//                                                            float32 [parts, out, taps, padded] into float32 [out, in, taps]
//   pad_channels_T    (pixels, channels, padded, x, y)       T [pixels, channels] into T [pixels, padded]
//
// padded is the number of channels with those of zeros, at least in or channels. All sizes are int64, T float32 or bfloat16.
#include "elements.h"

namespace {

template <typename T>
__device__ __forceinline__ void make_filters(int64_t out, int64_t in, int64_t padded, int64_t taps, const float *w,
                                             T *filters) {
  const int64_t n = out * taps * padded;
  for (int64_t at = thread_of_grid(); at < n; at += threads_of_grid()) {
    const int64_t o = at / (taps * padded), tap = at / padded % taps, i = at % padded;
    store(filters + at, i < in ? w[(o * in + i) * taps + tap] : 0.0f);
  }
}

template <typename T>
__device__ __forceinline__ void pad_channels(int64_t pixels, int64_t channels, int64_t padded, const T *x, T *y) {
  const int64_t n = pixels * padded;
  for (int64_t at = thread_of_grid(); at < n; at += threads_of_grid()) {
    const int64_t channel = at % padded;
    store(y + at, channel < channels ? load(x[at / padded * channels + channel]) : 0.0f);
  }
}

}  // namespace

extern "C" __global__ void filters_float32(int64_t out, int64_t in, int64_t padded, int64_t taps, const float *w,
                                           float *filters) {
  make_filters(out, in, padded, taps, w, filters);
}
EXPORT(filters_float32)
extern "C" __global__ void filters_bfloat16(int64_t out, int64_t in, int64_t padded, int64_t taps, const float *w,
                                            __nv_bfloat16 *filters) {
  make_filters(out, in, padded, taps, w, filters);
}
EXPORT(filters_bfloat16)

extern "C" __global__ void pad_channels_float32(int64_t pixels, int64_t channels, int64_t padded, const float *x, float *y) {
  pad_channels(pixels, channels, padded, x, y);
}
EXPORT(pad_channels_float32)
extern "C" __global__ void pad_channels_bfloat16(int64_t pixels, int64_t channels, int64_t padded, const __nv_bfloat16 *x,
                                                 __nv_bfloat16 *y) {
  pad_channels(pixels, channels, padded, x, y);
}
EXPORT(pad_channels_bfloat16)

// The parts are added up in their order, so that the bits don't depend on which block was ready first.
extern "C" __global__ void convolution_weight_sum(int64_t parts, int64_t out, int64_t in, int64_t padded, int64_t taps,
                                                  const float *partials, float *dw) {
  const int64_t each = out * taps * padded;
  for (int64_t at = thread_of_grid(); at < each; at += threads_of_grid()) {
    const int64_t o = at / (taps * padded), tap = at / padded % taps, i = at % padded;
    if (i >= in) continue;
    float sum = 0;
    for (int64_t part = 0; part < parts; part++) sum += partials[part * each + at];
    dw[(o * in + i) * taps + tap] = sum;
  }
}
EXPORT(convolution_weight_sum)
