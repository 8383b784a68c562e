#include "bfloat16.h"
#include "bridge.h"
#include "loops.h"

namespace twinview {
namespace {

template <typename T>
TV_CLONES void relu(int64_t n, const T *x, T *y) {
  TV_INDEPENDENT
  for (int64_t i = 0; i < n; i++) {
    const float v = load(x[i]);
    store(&y[i], v < 0 ? 0 : v);  // NaN stays NaN
  }
}

template <typename T>
TV_CLONES void relu_grad(int64_t n, const T *y, const T *dy, T *dx) {
  TV_INDEPENDENT
  for (int64_t i = 0; i < n; i++) {
    const float grad = load(dy[i]);
    store(&dx[i], load(y[i]) > 0 ? grad : 0);
  }
}

template <typename T>
TV_CLONES void add(int64_t n, const T *a, const T *b, T *sum) {
  TV_INDEPENDENT
  for (int64_t i = 0; i < n; i++) store(&sum[i], load(a[i]) + load(b[i]));
}

template <typename From, typename To>
TV_CLONES void convert(int64_t n, const From *x, To *y) {
  TV_INDEPENDENT
  for (int64_t i = 0; i < n; i++) store(&y[i], load(x[i]));
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" void tv_relu(enum tv_precision precision, int64_t n, const void *x, void *y) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    for_blocks(n, 1, [=](int64_t, int64_t first, int64_t last) {
      relu(last - first, static_cast<const T *>(x) + first, static_cast<T *>(y) + first);
    });
  });
}

extern "C" void tv_relu_grad(enum tv_precision precision, int64_t n, const void *y, const void *dy, void *dx) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    for_blocks(n, 1, [=](int64_t, int64_t first, int64_t last) {
      relu_grad(last - first, static_cast<const T *>(y) + first, static_cast<const T *>(dy) + first,
                static_cast<T *>(dx) + first);
    });
  });
}

extern "C" void tv_add(enum tv_precision precision, int64_t n, const void *a, const void *b, void *sum) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    for_blocks(n, 1, [=](int64_t, int64_t first, int64_t last) {
      add(last - first, static_cast<const T *>(a) + first, static_cast<const T *>(b) + first,
          static_cast<T *>(sum) + first);
    });
  });
}

extern "C" void tv_add_bias(int64_t rows, int64_t channels, const float *x, const float *bias, float *y) {
  for_blocks(rows, channels, [=](int64_t, int64_t first, int64_t last) {
    for (int64_t r = first; r < last; r++) add(channels, x + r * channels, bias, y + r * channels);
  });
}

extern "C" void tv_narrow(int64_t n, const float *x, void *y) {
  for_blocks(n, 1, [=](int64_t, int64_t first, int64_t last) {
    convert(last - first, x + first, static_cast<bfloat16 *>(y) + first);
  });
}

extern "C" void tv_widen(int64_t n, const void *x, float *y) {
  for_blocks(n, 1, [=](int64_t, int64_t first, int64_t last) {
    convert(last - first, static_cast<const bfloat16 *>(x) + first, y + first);
  });
}
