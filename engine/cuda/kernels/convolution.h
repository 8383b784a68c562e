// What convolutions have in common. A convolution is of x [batch, height, width, in] and filters [out, kernel, kernel, in],
// zero padded by `pad` on all sides, into y [batch, H, W, out]: a cross-correlation, as in the model. All are dense.
//
// The model keeps weights as [out, in, kernel, kernel] in float32. filters_T makes filters of them, and
// convolution_weight_sum makes their gradient of what the weight gradients leave.
#ifndef TWINVIEW_CUDA_CONVOLUTION_H
#define TWINVIEW_CUDA_CONVOLUTION_H

#include "device.h"

struct Convolution {
  int64_t batch, height, width, in, out, kernel, stride, pad;

  __device__ __forceinline__ int64_t rows() const { return (height + 2 * pad - kernel) / stride + 1; }
  __device__ __forceinline__ int64_t columns() const { return (width + 2 * pad - kernel) / stride + 1; }
  __device__ __forceinline__ int64_t taps() const { return kernel * kernel; }
  __device__ __forceinline__ int64_t input_pixels() const { return batch * height * width; }
  __device__ __forceinline__ int64_t output_pixels() const { return batch * rows() * columns(); }

  // The pixel of x that the output pixel takes at one place of the kernel, or -1 in the padding.
  __device__ __forceinline__ int64_t input_of(int64_t output, int64_t tap) const {
    const int64_t n = output / (rows() * columns());
    const int64_t h = output / columns() % rows() * stride - pad + tap / kernel;
    const int64_t w = output % columns() * stride - pad + tap % kernel;
    return h < 0 || h >= height || w < 0 || w >= width ? -1 : (n * height + h) * width + w;
  }

  // The output pixel that takes the pixel of x at one place of the kernel, or -1 where there is none.
  __device__ __forceinline__ int64_t output_of(int64_t input, int64_t tap) const {
    const int64_t n = input / (height * width);
    const int64_t h = input / width % height + pad - tap / kernel;
    const int64_t w = input % width + pad - tap % kernel;
    if (h < 0 || w < 0 || h % stride != 0 || w % stride != 0) return -1;
    const int64_t row = h / stride, column = w / stride;
    return row >= rows() || column >= columns() ? -1 : (n * rows() + row) * columns() + column;
  }
};

// The parameters that every convolution begins with.
#define CONVOLUTION_SIZES                                                                                        \
  int64_t batch, int64_t height, int64_t width, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad
#define CONVOLUTION_OF_SIZES \
  Convolution { batch, height, width, in, out, kernel, stride, pad }

#endif
