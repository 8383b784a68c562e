// The image transforms of package augment, all of one view in one block. The data set stays in the device's memory as bytes; the
// processor draws what is random, exactly as for its own transforms, and sends 88 bytes a view.
//
//   augment_T  (views, images, height, width, size, kernel, threshold, normalize, channels, dst)   grid Augment
//
// views is a table of augment.go's View. images is uint8 [n, height, width, 3]. dst is T, float32 or bfloat16, [views, size, size,
// channels]: channels is 3 or more, and those behind the third become 0. kernel is the number of taps of the blur, threshold that
// of solarize, float; normalize is six floats, by which the three channels are multiplied and what is added to them then. height,
// width, size, kernel and channels are int.
//
// The image of a view stays in shared memory from the first transform to the last. The order of operations is that of package
// augment, without fused multiply-adds, so that a pixel differs from the processor's only where a mean or an exponential was
// rounded otherwise.
#include "elements.h"
#include "reduce.h"

namespace {

constexpr int kThreads = 256;

struct View {
  int64_t image;
  double sigma;
  int32_t top, left, height, width;
  int32_t order[4];  // 0 brightness, 1 contrast, 2 saturation, 3 hue
  float brightness, contrast, saturation, hue;
  int32_t flip, jitter, grayscale, blur, solarize, reserved;
};

__device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float clamp(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }

struct Pixel {
  float red, green, blue;
};

__device__ __forceinline__ float luma(Pixel p) {
  return add(add(mul(0.2989f, p.red), mul(0.587f, p.green)), mul(0.114f, p.blue));
}

// The pixel as clamp(factor·p + shift).
__device__ __forceinline__ Pixel blend(Pixel p, float factor, float shift) {
  return {clamp(add(mul(factor, p.red), shift)), clamp(add(mul(factor, p.green), shift)),
          clamp(add(mul(factor, p.blue), shift))};
}

__device__ __forceinline__ float wrap(float hue) { return hue >= 6 ? hue - 6 : hue < 0 ? hue + 6 : hue; }

__device__ __forceinline__ float channel(float k, float value, float chroma) {
  return add(value, -mul(chroma, clamp(fminf(k, 4 - k))));
}

// turn goes to HSV and back, with the hue in sixths of a turn.
__device__ __forceinline__ Pixel turn(Pixel p, float shift) {
  const float value = fmaxf(fmaxf(p.red, p.green), p.blue);
  const float chroma = value - fminf(fminf(p.red, p.green), p.blue);
  if (chroma == 0) return p;
  float hue;
  if (value == p.red) {
    hue = __fdiv_rn(p.green - p.blue, chroma);
  } else if (value == p.green) {
    hue = 2 + __fdiv_rn(p.blue - p.red, chroma);
  } else {
    hue = 4 + __fdiv_rn(p.red - p.green, chroma);
  }
  hue = wrap(hue + shift);
  return {channel(wrap(hue + 5), value, chroma), channel(wrap(hue + 3), value, chroma), channel(wrap(hue + 1), value, chroma)};
}

// An image in shared memory, and what is done to it by all threads of the block. A pixel is always the same thread's, so only
// what looks at other pixels waits for the others.
struct Image {
  float *values;
  int pixels;

  __device__ __forceinline__ Pixel at(int i) const { return {values[3 * i], values[3 * i + 1], values[3 * i + 2]}; }
  __device__ __forceinline__ void put(int i, Pixel p) const {
    values[3 * i] = p.red;
    values[3 * i + 1] = p.green;
    values[3 * i + 2] = p.blue;
  }

  template <typename Change>
  __device__ __forceinline__ void each(Change change) const {
    for (int i = threadIdx.x; i < pixels; i += kThreads) put(i, change(at(i)));
  }

  __device__ float mean_luma() const {
    double sum = 0;
    for (int i = threadIdx.x; i < pixels; i += kThreads) sum += double(luma(at(i)));
    return float(block_sum(sum) / double(pixels));
  }

  __device__ void jitter(const View &v) const {
    for (int k = 0; k < 4; k++) {
      switch (v.order[k]) {
        case 0:
          each([&](Pixel p) { return blend(p, v.brightness, 0.0f); });
          break;
        case 1: {
          const float shift = mul(1 - v.contrast, mean_luma());
          each([&](Pixel p) { return blend(p, v.contrast, shift); });
          break;
        }
        case 2:
          each([&](Pixel p) { return blend(p, v.saturation, mul(1 - v.saturation, luma(p))); });
          break;
        default:
          each([&](Pixel p) { return turn(p, mul(6, v.hue)); });
      }
    }
  }
};

// Axis holds, for each position of a resized axis, the positions that it is made of and their weights.
struct Axis {
  int stride;  // of weights: the most taps that a position can have
  int *first, *count;
  float *weights;

  // set computes the weights of a triangle filter, as wide as the reduction where the image shrinks.
  __device__ void set(int from, int to) const {
    const double scale = __ddiv_rn(double(from), double(to)), support = scale > 1 ? scale : 1;
    for (int i = threadIdx.x; i < to; i += kThreads) {
      const double centre = __dmul_rn(scale, double(i) + 0.5);
      const int begin = max(int(__dadd_rn(__dadd_rn(centre, -support), 0.5)), 0);
      const int end = min(int(__dadd_rn(__dadd_rn(centre, support), 0.5)), from);
      const double start = __ddiv_rn(__dadd_rn(__dadd_rn(double(begin), -centre), 0.5), support);
      const double step = __ddiv_rn(1.0, support);
      float *const w = weights + i * stride;
      double total = 0;
      for (int t = 0; t < end - begin; t++) {
        const double x = __dadd_rn(start, __dmul_rn(double(t), step)), weight = fmax(0.0, 1 - fabs(x));
        w[t] = float(weight);
        total += weight;
      }
      for (int t = 0; t < end - begin; t++) w[t] = float(__ddiv_rn(double(w[t]), total));
      first[i] = begin;
      count[i] = end - begin;
    }
  }
};

// What a block has in shared memory. augment.go computes its size.
struct Shared {
  double *gauss;
  float *between, *image, *blur;
  Axis horizontal, vertical;

  __device__ Shared(unsigned char *memory, int height, int width, int size, int kernel) {
    const int longest = max(height, width), stride = 2 * (max(longest / size, 1) + 2) + 1;
    gauss = reinterpret_cast<double *>(memory);
    between = reinterpret_cast<float *>(gauss + kernel);
    image = between + max(height, size) * size * 3;
    blur = image + size * size * 3;
    horizontal.weights = blur + kernel;
    vertical.weights = horizontal.weights + size * stride;
    horizontal.first = reinterpret_cast<int *>(vertical.weights + size * stride);
    horizontal.count = horizontal.first + size;
    vertical.first = horizontal.count + size;
    vertical.count = vertical.first + size;
    horizontal.stride = vertical.stride = stride;
  }
};

// resize_crop resizes the view's box to the image, first along rows, then along columns, and flips it.
__device__ void resize_crop(const View &v, const Shared &s, const uint8_t *image, int width, int size) {
  s.horizontal.set(v.width, size);
  s.vertical.set(v.height, size);
  __syncthreads();
  for (int i = threadIdx.x; i < v.height * size; i += kThreads) {
    const int y = i / size, x = i % size;
    const uint8_t *from = image + ((v.top + y) * width + v.left + s.horizontal.first[x]) * 3;
    const float *weights = s.horizontal.weights + x * s.horizontal.stride;
    float sum[3] = {};
    for (int t = 0; t < s.horizontal.count[x]; t++)
      for (int c = 0; c < 3; c++) sum[c] = add(sum[c], mul(weights[t], __fdiv_rn(float(from[3 * t + c]), 255.0f)));
    for (int c = 0; c < 3; c++) s.between[3 * i + c] = sum[c];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < size * size; i += kThreads) {
    const int y = i / size, x = v.flip ? size - 1 - i % size : i % size;
    const float *weights = s.vertical.weights + y * s.vertical.stride;
    float sum[3] = {};
    for (int t = 0; t < s.vertical.count[y]; t++)
      for (int c = 0; c < 3; c++)
        sum[c] = add(sum[c], mul(weights[t], s.between[((s.vertical.first[y] + t) * size + x) * 3 + c]));
    for (int c = 0; c < 3; c++) s.image[3 * i + c] = sum[c];
  }
}

// reflect mirrors a position up to n−1 outside of 0 … n−1 back into it.
__device__ __forceinline__ int reflect(int i, int n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; }

// blur_along blurs one direction: the next pixel in it is `stride` pixels on.
__device__ void blur_along(const float *from, float *to, const float *weights, int kernel, int size, bool rows) {
  for (int i = threadIdx.x; i < size * size; i += kThreads) {
    const int at = rows ? i % size : i / size, base = rows ? i - at : i % size, stride = rows ? 1 : size;
    float sum[3] = {};
    for (int k = 0; k < kernel; k++) {
      const float *pixel = from + (base + reflect(at + k - kernel / 2, size) * stride) * 3;
      for (int c = 0; c < 3; c++) sum[c] = add(sum[c], mul(weights[k], pixel[c]));
    }
    for (int c = 0; c < 3; c++) to[3 * i + c] = sum[c];
  }
}

// blur waits for the whole image before it reads it.
__device__ void blur(const View &v, const Shared &s, int kernel, int size) {
  for (int k = threadIdx.x; k < kernel; k += kThreads) {
    const double x = __ddiv_rn(double(k - kernel / 2), v.sigma);
    s.gauss[k] = exp(-0.5 * x * x);
  }
  __syncthreads();
  double total = 0;
  for (int k = 0; k < kernel; k++) total += s.gauss[k];
  for (int k = threadIdx.x; k < kernel; k += kThreads) s.blur[k] = float(__ddiv_rn(double(float(s.gauss[k])), total));
  __syncthreads();
  blur_along(s.image, s.between, s.blur, kernel, size, true);
  __syncthreads();
  blur_along(s.between, s.image, s.blur, kernel, size, false);
}

__device__ __forceinline__ float solarize(float x, float threshold) { return x >= threshold ? 1 - x : x; }

struct Normalize {
  float scale[3], shift[3];
};

template <typename T>
__device__ void augment(const View *views, const uint8_t *images, int height, int width, int size, int kernel,
                        float threshold, const Normalize *normalize, int channels, T *dst) {
  DYNAMIC_SHARED(unsigned char, memory);
  const View v = views[blockIdx.x];
  const Shared s(memory, height, width, size, kernel);
  const Image image{s.image, size * size};
  resize_crop(v, s, images + v.image * height * width * 3, width, size);
  if (v.jitter) image.jitter(v);
  if (v.grayscale)
    image.each([](Pixel p) {
      const float y = luma(p);
      return Pixel{y, y, y};
    });
  if (v.blur) blur(v, s, kernel, size);
  if (v.solarize)
    image.each([=](Pixel p) {
      return Pixel{solarize(p.red, threshold), solarize(p.green, threshold), solarize(p.blue, threshold)};
    });
  for (int i = threadIdx.x; i < image.pixels; i += kThreads) {
    T *const to = dst + (int64_t(blockIdx.x) * image.pixels + i) * channels;
    for (int c = 0; c < 3; c++) store(to + c, add(mul(s.image[3 * i + c], normalize->scale[c]), normalize->shift[c]));
    for (int c = 3; c < channels; c++) store(to + c, 0.0f);
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 4)
    augment_float32(const View *views, const uint8_t *images, int height, int width, int size, int kernel, float threshold,
                    const Normalize *normalize, int channels, float *dst) {
  augment(views, images, height, width, size, kernel, threshold, normalize, channels, dst);
}
EXPORT(augment_float32)
extern "C" __global__ void __launch_bounds__(kThreads, 4)
    augment_bfloat16(const View *views, const uint8_t *images, int height, int width, int size, int kernel, float threshold,
                     const Normalize *normalize, int channels, __nv_bfloat16 *dst) {
  augment(views, images, height, width, size, kernel, threshold, normalize, channels, dst);
}
EXPORT(augment_bfloat16)
