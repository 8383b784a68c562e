#include "bridge.h"
#include "loops.h"

namespace twinview {
namespace {

TV_CLONES void relu(int64_t n, const float *x, float *y) {
  for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];  // NaN stays NaN
}

TV_CLONES void relu_grad(int64_t n, const float *y, const float *dy, float *dx) {
  for (int64_t i = 0; i < n; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
}

TV_CLONES void add(int64_t n, const float *a, const float *b, float *sum) {
  for (int64_t i = 0; i < n; i++) sum[i] = a[i] + b[i];
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" void tv_relu(int64_t n, const float *x, float *y) {
  for_blocks(n, 1, [=](int64_t, int64_t first, int64_t last) { relu(last - first, x + first, y + first); });
}

extern "C" void tv_relu_grad(int64_t n, const float *y, const float *dy, float *dx) {
  for_blocks(n, 1, [=](int64_t, int64_t first, int64_t last) {
    relu_grad(last - first, y + first, dy + first, dx + first);
  });
}

extern "C" void tv_add(int64_t n, const float *a, const float *b, float *sum) {
  for_blocks(n, 1,
             [=](int64_t, int64_t first, int64_t last) { add(last - first, a + first, b + first, sum + first); });
}

extern "C" void tv_add_bias(int64_t rows, int64_t channels, const float *x, const float *bias, float *y) {
  for_blocks(rows, channels, [=](int64_t, int64_t first, int64_t last) {
    for (int64_t r = first; r < last; r++) add(channels, x + r * channels, bias, y + r * channels);
  });
}
