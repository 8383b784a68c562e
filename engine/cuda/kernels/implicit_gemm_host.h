// The host's side of implicit_gemm.h: what each tile's block has to do, by its definition.
#ifndef TWINVIEW_CUDA_IMPLICIT_GEMM_HOST_H
#define TWINVIEW_CUDA_IMPLICIT_GEMM_HOST_H

#include <type_traits>

#include "elements.h"

namespace {

struct BFloat16 {
  using Element = __nv_bfloat16;
  static float factor(Element x) { return load(x); }
};
struct TF32 {
  using Element = float;
  // To nearest, ties away from zero, as CUTLASS does.
  static float factor(float x) { return isfinite(x) ? __uint_as_float((__float_as_uint(x) + 0x1000) & ~0x1fffu) : x; }
};
struct Float32 {
  using Element = float;
  static float factor(float x) { return x; }
};

struct Parameters {
  Convolution convolution;
  int64_t slices;
  const void *a, *b, *source;
  void *result;
  float *statistics;
  char unused[kParameterBytes - 14 * 8];
};
static_assert(sizeof(Parameters) == kParameterBytes, "the parameters have another size than their place");

// Where the block's tile is: rows and columns of the tile, and which slice. See CUTLASS's GemmIdentityThreadblockSwizzle<4>.
struct Place {
  int64_t m, n, slice;
};
__device__ inline Place place(int64_t tiles_m, int64_t tiles_n, int64_t slices) {
  const int log = tiles_n >= 3 ? 2 : tiles_n >= 2 ? 1 : 0;
  const int64_t beside = 1 << log;
  if (gridDim.x != tiles_m * beside || gridDim.y != (tiles_n + beside - 1) / beside || gridDim.z != slices)
    twinview_host::fail("the grid is not that of the convolution");
  return {blockIdx.x >> log, int64_t(blockIdx.y << log) + (blockIdx.x & (beside - 1)), blockIdx.z};
}

// The threads share the tile's numbers; number(m, n) makes one.
template <typename T, typename F>
__device__ void each_of_tile(F number) {
  if (blockDim.x != T::threads) twinview_host::fail("the block is not that of the kernel");
  for (int at = int(threadIdx.x); at < T::m * T::n; at += T::threads) number(at / T::n, at % T::n);
}

template <typename Number>
__device__ void finish(const Parameters &p, int64_t at, float sum) {
  using Element = typename Number::Element;
  if (p.source) sum += load(static_cast<const Element *>(p.source)[at]);
  store(static_cast<Element *>(p.result) + at, sum);
}

// gather makes the statistics of the block's tile of y.
template <typename Number, typename T>
__device__ void gather(const Parameters &p, Place tile) {
  if (std::is_same<Number, Float32>::value) twinview_host::fail("a kernel without tensor cores gathers no statistics");
  __syncthreads();
  const int64_t out = p.convolution.out, last = min((tile.m + 1) * T::m, p.convolution.output_pixels());
  for (int64_t o = tile.n * T::n + threadIdx.x; o < min((tile.n + 1) * T::n, out); o += T::threads) {
    const auto *y = static_cast<const typename Number::Element *>(p.result) + o;
    double sum = 0, deviations = 0;
    for (int64_t pixel = tile.m * T::m; pixel < last; pixel++) sum += load(y[pixel * out]);
    const double mean = sum / double(last - tile.m * T::m);
    for (int64_t pixel = tile.m * T::m; pixel < last; pixel++)
      deviations += (load(y[pixel * out]) - mean) * (load(y[pixel * out]) - mean);
    p.statistics[tile.m * 2 * out + o] = float(mean);
    p.statistics[(tile.m * 2 + 1) * out + o] = float(deviations);
  }
}

template <typename Number, typename T>
struct Forward {
  static void run(const Parameters &p) {
    using Element = typename Number::Element;
    const Convolution &c = p.convolution;
    const auto *x = static_cast<const Element *>(p.a), *filters = static_cast<const Element *>(p.b);
    const Place tile = place((c.output_pixels() + T::m - 1) / T::m, (c.out + T::n - 1) / T::n, 1);
    each_of_tile<T>([&](int m, int n) {
      const int64_t pixel = tile.m * T::m + m, o = tile.n * T::n + n;
      if (pixel >= c.output_pixels() || o >= c.out) return;
      float sum = 0;
      for (int64_t tap = 0; tap < c.taps(); tap++) {
        const int64_t from = c.input_of(pixel, tap);
        if (from < 0) continue;
        const Element *v = x + from * c.in, *w = filters + (o * c.taps() + tap) * c.in;
        for (int64_t i = 0; i < c.in; i++) sum += Number::factor(v[i]) * Number::factor(w[i]);
      }
      finish<Number>(p, pixel * c.out + o, sum);
    });
    if (p.statistics) gather<Number, T>(p, tile);
  }
};
template <typename Number, typename T>
using ForwardOfFew = Forward<Number, T>;

template <typename Number>
__device__ float input_gradient_of(const Parameters &p, int64_t pixel, int64_t i) {
  using Element = typename Number::Element;
  const Convolution &c = p.convolution;
  const auto *dy = static_cast<const Element *>(p.a), *filters = static_cast<const Element *>(p.b);
  float sum = 0;
  for (int64_t tap = 0; tap < c.taps(); tap++) {
    const int64_t from = c.output_of(pixel, tap);
    if (from < 0) continue;
    for (int64_t o = 0; o < c.out; o++)
      sum += Number::factor(dy[from * c.out + o]) * Number::factor(filters[(o * c.taps() + tap) * c.in + i]);
  }
  return sum;
}

template <typename Number, typename T>
struct InputGradient {
  static void run(const Parameters &p) {
    const Convolution &c = p.convolution;
    const Place tile = place((c.input_pixels() + T::m - 1) / T::m, (c.in + T::n - 1) / T::n, 1);
    each_of_tile<T>([&](int m, int n) {
      const int64_t pixel = tile.m * T::m + m, i = tile.n * T::n + n;
      if (pixel < c.input_pixels() && i < c.in) finish<Number>(p, pixel * c.in + i, input_gradient_of<Number>(p, pixel, i));
    });
  }
};

template <typename Number, typename T>
struct StridedInputGradient {
  static void run(const Parameters &p) {
    const Convolution &c = p.convolution;
    // Pixels whose row and column leave the same remainders are in tiles of their own.
    const int64_t rows = (c.height + c.stride - 1) / c.stride, columns = (c.width + c.stride - 1) / c.stride;
    const int64_t tiles = (c.batch * rows * columns + T::m - 1) / T::m;
    const Place tile = place(tiles * c.stride * c.stride, (c.in + T::n - 1) / T::n, 1);
    const int64_t remainder = tile.m / tiles;
    each_of_tile<T>([&](int m, int n) {
      const int64_t at = tile.m % tiles * T::m + m, i = tile.n * T::n + n;
      const int64_t image = at / (rows * columns), h = at / columns % rows * c.stride + remainder / c.stride;
      const int64_t w = at % columns * c.stride + remainder % c.stride;
      if (image >= c.batch || h >= c.height || w >= c.width || i >= c.in) return;
      const int64_t pixel = (image * c.height + h) * c.width + w;
      finish<Number>(p, pixel * c.in + i, input_gradient_of<Number>(p, pixel, i));
    });
  }
};

template <typename Number, typename T>
struct WeightGradient {
  static void run(const Parameters &p) {
    using Element = typename Number::Element;
    const Convolution &c = p.convolution;
    const auto *dy = static_cast<const Element *>(p.a), *x = static_cast<const Element *>(p.b);
    const int64_t width = c.taps() * c.in;
    const Place tile = place((c.out + T::m - 1) / T::m, (width + T::n - 1) / T::n, p.slices);
    each_of_tile<T>([&](int m, int n) {
      const int64_t o = tile.m * T::m + m, column = tile.n * T::n + n;
      if (o >= c.out || column >= width) return;
      float sum = 0;
      for (int64_t first = tile.slice * T::k; first < c.output_pixels(); first += p.slices * T::k) {
        for (int64_t pixel = first; pixel < min(first + T::k, c.output_pixels()); pixel++) {
          const int64_t from = c.input_of(pixel, column / c.in);
          if (from >= 0) sum += Number::factor(dy[pixel * c.out + o]) * Number::factor(x[from * c.in + column % c.in]);
        }
      }
      static_cast<float *>(p.result)[(tile.slice * c.out + o) * width + column] = sum;
    });
  }
};
template <typename Number, typename T>
using WeightGradientOfFew = WeightGradient<Number, T>;

}  // namespace

#define IMPLICIT_GEMM(name, ...)                                                                                  \
  extern "C" void name##_parameters(CONVOLUTION_SIZES, int64_t slices, const void *a, const void *b,              \
                                    const void *source, void *result, float *statistics, void *parameters) {     \
    *static_cast<Parameters *>(parameters) =                                                                      \
        Parameters{CONVOLUTION_OF_SIZES, slices, a, b, source, result, statistics, {}};                           \
  }                                                                                                               \
  EXPORT(name##_parameters)                                                                                       \
  extern "C" void name(Parameters parameters) { __VA_ARGS__::run(parameters); }                                   \
  EXPORT(name)

#endif
