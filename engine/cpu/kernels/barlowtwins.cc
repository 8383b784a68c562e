// The loss of Barlow Twins (Zbontar et al. 2021, eq. 1) on a correlation matrix, which is large: 8,192² for the paper's
// projector.
#include <vector>

#include "bridge.h"
#include "lanes.h"
#include "loops.h"

namespace twinview {
namespace {

// One row's (1 − C_ii)² + λ Σ_{j≠i} C_ij².
TV_CLONES double row_loss(int64_t width, int64_t i, double lambda, const float *row) {
  const double off = dot(i, row, row) + dot(width - i - 1, row + i + 1, row + i + 1);
  const double on = 1.0 - row[i];
  return on * on + lambda * off;
}

TV_CLONES void scaled(int64_t n, float scale, const float *x, float *y) {
  for (int64_t i = 0; i < n; i++) y[i] = scale * x[i];
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" void tv_redundancy_reduction(int64_t width, double lambda, const float *c, float *loss) {
  std::vector<double> losses(width);
  for_blocks(width, width, [&](int64_t, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) losses[i] = row_loss(width, i, lambda, c + i * width);
  });
  double sum = 0;
  for (double l : losses) sum += l;
  *loss = float(sum);
}

extern "C" void tv_redundancy_reduction_grad(int64_t width, double lambda, const float *c, const float *dloss,
                                             float *dc) {
  const double scale = 2.0 * *dloss;
  for_blocks(width, width, [=](int64_t, int64_t first, int64_t last) {
    scaled((last - first) * width, float(scale * lambda), c + first * width, dc + first * width);
    for (int64_t i = first; i < last; i++) dc[i * width + i] = float(scale * (c[i * width + i] - 1.0));
  });
}
