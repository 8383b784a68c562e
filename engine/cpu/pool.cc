#include "bridge.h"
#include "loops.h"

extern "C" void tv_average_pool(int64_t batch, int64_t pixels, int64_t channels, const float *x, float *y) {
  const float scale = 1.0f / float(pixels);
  twinview::for_blocks(batch, pixels * channels, [=](int64_t, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++) {
      float *out = y + b * channels;
      std::fill(out, out + channels, 0.0f);
      for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) out[c] += x[(b * pixels + p) * channels + c];
      for (int64_t c = 0; c < channels; c++) out[c] *= scale;
    }
  });
}

extern "C" void tv_average_pool_grad(int64_t batch, int64_t pixels, int64_t channels, const float *dy, float *dx) {
  const float scale = 1.0f / float(pixels);
  twinview::for_blocks(batch, pixels * channels, [=](int64_t, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++)
      for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++) dx[(b * pixels + p) * channels + c] = dy[b * channels + c] * scale;
  });
}
