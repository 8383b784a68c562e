#include "bfloat16.h"
#include "bridge.h"
#include "loops.h"

namespace twinview {
namespace {

template <typename T>
TV_CLONES void average(int64_t pixels, int64_t channels, const T *x, float *y) {
  const float scale = 1.0f / float(pixels);
  std::fill(y, y + channels, 0.0f);
  for (int64_t p = 0; p < pixels; p++, x += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) y[c] += load(x[c]);
  TV_INDEPENDENT
  for (int64_t c = 0; c < channels; c++) y[c] *= scale;
}

template <typename T>
TV_CLONES void spread(int64_t pixels, int64_t channels, const float *dy, T *dx) {
  const float scale = 1.0f / float(pixels);
  for (int64_t p = 0; p < pixels; p++, dx += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) store(&dx[c], dy[c] * scale);
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" void tv_average_pool(enum tv_precision precision, int64_t batch, int64_t pixels, int64_t channels,
                                const void *x, float *y) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    for_blocks(batch, pixels * channels, [=](int64_t, int64_t first, int64_t last) {
      for (int64_t b = first; b < last; b++)
        average(pixels, channels, static_cast<const T *>(x) + b * pixels * channels, y + b * channels);
    });
  });
}

extern "C" void tv_average_pool_grad(enum tv_precision precision, int64_t batch, int64_t pixels, int64_t channels,
                                     const float *dy, void *dx) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    for_blocks(batch, pixels * channels, [=](int64_t, int64_t first, int64_t last) {
      for (int64_t b = first; b < last; b++)
        spread(pixels, channels, dy + b * channels, static_cast<T *>(dx) + b * pixels * channels);
    });
  });
}
