// Element by element: any grid of blocks of any number of threads, no shared memory. An output may be the same memory as an
// input.
//
//   relu_T       (n, x, y)          y = max(x, 0), NaN stays NaN
//   relu_grad_T  (n, y, dy, dx)     dx = dy where y > 0, else 0
//   add_T        (n, a, b, sum)     sum = a + b
//   scale_T      (n, factor, x, y)  y = factor·x
//   narrow       (n, x, y)          float32 to bfloat16, to nearest, ties to even
//   widen        (n, x, y)          bfloat16 to float32
//   add_bias_float32   (rows, channels, x, bias, y)   y = x + bias, row by row
//   rows_grad_float32  (offset, n, total, dy, dx)     dx, of `total` elements, is dy's n from offset on, zero elsewhere
//
// T is float32 or bfloat16; n, rows, channels, offset and total are int64.
//
// All are bound by memory. A thread moves 16 bytes at a time where the arrays' addresses allow it, and single elements
// where they don't and behind the last whole 16 bytes.
#include "elements.h"

namespace {

template <int W>
struct Width {
  static constexpr int value = W;
};

// each calls body(first, Width) for n elements, W of them at a time where that is possible.
template <int W, typename Body>
__device__ __forceinline__ void each(int64_t n, bool wide, Body body) {
  const int64_t packs = wide ? n / W : 0;
  for (int64_t i = thread_of_grid(); i < packs; i += threads_of_grid()) body(i * W, Width<W>());
  for (int64_t i = packs * W + thread_of_grid(); i < n; i += threads_of_grid()) body(i, Width<1>());
}

template <typename From, typename To, typename F>
__device__ __forceinline__ void map(int64_t n, const From *x, To *y, F f) {
  constexpr int together = Wide<From>::elements < Wide<To>::elements ? Wide<From>::elements : Wide<To>::elements;
  each<together>(n, aligned(x) && aligned(y), [=](int64_t at, auto width) {
    constexpr int W = decltype(width)::value;
    float v[W];
    load_pack(x + at, v);
#pragma unroll
    for (int i = 0; i < W; i++) v[i] = f(v[i]);
    store_pack(y + at, v);
  });
}

template <typename T, typename F>
__device__ __forceinline__ void map_two(int64_t n, const T *a, const T *b, T *y, F f) {
  each<Wide<T>::elements>(n, aligned(a) && aligned(b) && aligned(y), [=](int64_t at, auto width) {
    constexpr int W = decltype(width)::value;
    float v[W], w[W];
    load_pack(a + at, v);
    load_pack(b + at, w);
#pragma unroll
    for (int i = 0; i < W; i++) v[i] = f(v[i], w[i]);
    store_pack(y + at, v);
  });
}

template <typename T>
__device__ __forceinline__ void relu(int64_t n, const T *x, T *y) {
  map(n, x, y, [](float v) { return rectify(v); });
}

template <typename T>
__device__ __forceinline__ void relu_grad(int64_t n, const T *y, const T *dy, T *dx) {
  map_two(n, y, dy, dx, [](float v, float grad) { return v > 0 ? grad : 0.0f; });
}

template <typename T>
__device__ __forceinline__ void add(int64_t n, const T *a, const T *b, T *sum) {
  map_two(n, a, b, sum, [](float v, float w) { return v + w; });
}

template <typename T>
__device__ __forceinline__ void scale(int64_t n, float factor, const T *x, T *y) {
  map(n, x, y, [factor](float v) { return factor * v; });
}

}  // namespace

extern "C" __global__ void relu_float32(int64_t n, const float *x, float *y) { relu(n, x, y); }
EXPORT(relu_float32)
extern "C" __global__ void relu_bfloat16(int64_t n, const __nv_bfloat16 *x, __nv_bfloat16 *y) { relu(n, x, y); }
EXPORT(relu_bfloat16)

extern "C" __global__ void relu_grad_float32(int64_t n, const float *y, const float *dy, float *dx) {
  relu_grad(n, y, dy, dx);
}
EXPORT(relu_grad_float32)
extern "C" __global__ void relu_grad_bfloat16(int64_t n, const __nv_bfloat16 *y, const __nv_bfloat16 *dy,
                                              __nv_bfloat16 *dx) {
  relu_grad(n, y, dy, dx);
}
EXPORT(relu_grad_bfloat16)

extern "C" __global__ void add_float32(int64_t n, const float *a, const float *b, float *sum) { add(n, a, b, sum); }
EXPORT(add_float32)
extern "C" __global__ void add_bfloat16(int64_t n, const __nv_bfloat16 *a, const __nv_bfloat16 *b, __nv_bfloat16 *sum) {
  add(n, a, b, sum);
}
EXPORT(add_bfloat16)

extern "C" __global__ void scale_float32(int64_t n, float factor, const float *x, float *y) { scale(n, factor, x, y); }
EXPORT(scale_float32)
extern "C" __global__ void scale_bfloat16(int64_t n, float factor, const __nv_bfloat16 *x, __nv_bfloat16 *y) {
  scale(n, factor, x, y);
}
EXPORT(scale_bfloat16)

extern "C" __global__ void narrow(int64_t n, const float *x, __nv_bfloat16 *y) {
  map(n, x, y, [](float v) { return v; });
}
EXPORT(narrow)
extern "C" __global__ void widen(int64_t n, const __nv_bfloat16 *x, float *y) {
  map(n, x, y, [](float v) { return v; });
}
EXPORT(widen)

extern "C" __global__ void add_bias_float32(int64_t rows, int64_t channels, const float *x, const float *bias, float *y) {
  const int64_t n = rows * channels;
  for (int64_t i = thread_of_grid(); i < n; i += threads_of_grid()) y[i] = x[i] + bias[i % channels];
}
EXPORT(add_bias_float32)

extern "C" __global__ void rows_grad_float32(int64_t offset, int64_t n, int64_t total, const float *dy, float *dx) {
  for (int64_t i = thread_of_grid(); i < total; i += threads_of_grid())
    dx[i] = i >= offset && i - offset < n ? dy[i - offset] : 0.0f;
}
EXPORT(rows_grad_float32)
