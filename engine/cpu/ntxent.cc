// NT-Xent (Chen et al. 2020, eq. 1) on rows of unit length: all similarities in one matrix product, then one pass over
// each anchor's row.
#include <cmath>
#include <vector>

#include "bridge.h"
#include "loops.h"

namespace {

struct anchor {
  double log_sum;   // log Σ_{k≠i} exp(sim(z_i, z_k)/τ)
  double positive;  // sim(z_i, z_j)/τ
};

anchor measure(int64_t views, int64_t i, double temperature, const float *row) {
  float largest = -INFINITY;
  for (int64_t k = 0; k < views; k++)
    if (k != i) largest = std::max(largest, row[k]);
  double sum = 0;
  for (int64_t k = 0; k < views; k++)
    if (k != i) sum += std::exp(float((row[k] - largest) / temperature));
  return {largest / temperature + std::log(sum), row[(i + views / 2) % views] / temperature};
}

}  // namespace

extern "C" const char *tv_ntxent(int64_t views, int64_t dim, double temperature, const float *z, float *similarity,
                                 float *loss) {
  if (const char *failure = tv_matmul(0, 1, views, views, dim, z, z, similarity)) return failure;
  std::vector<double> losses(views);
  twinview::for_blocks(views, views, [&](int64_t, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      const anchor a = measure(views, i, temperature, similarity + i * views);
      losses[i] = a.log_sum - a.positive;
    }
  });
  double sum = 0;
  for (double l : losses) sum += l;
  *loss = float(sum / views);
  return nullptr;
}

// With P_ik = softmax over k≠i and T_ik = 1 for the positive, the gradient of the similarities is G = (P − T)/(τ·views),
// and that of z is (G + Gᵀ)·z, since z stands on both sides of the product.
extern "C" const char *tv_ntxent_grad(int64_t views, int64_t dim, double temperature, const float *z,
                                      const float *dloss, float *similarity, float *dz) {
  if (const char *failure = tv_matmul(0, 1, views, views, dim, z, z, similarity)) return failure;
  const double scale = *dloss / (temperature * views);
  twinview::for_blocks(views, views, [&](int64_t, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      float *row = similarity + i * views;
      const anchor a = measure(views, i, temperature, row);
      for (int64_t k = 0; k < views; k++)
        row[k] = k == i ? 0.0f : float(scale * std::exp(float(row[k] / temperature - a.log_sum)));
      row[(i + views / 2) % views] -= float(scale);
    }
  });
  // G + Gᵀ in place, one pair of elements at a time.
  twinview::for_blocks(views, views, [&](int64_t, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++)
      for (int64_t k = 0; k < i; k++) {
        const float both = similarity[i * views + k] + similarity[k * views + i];
        similarity[i * views + k] = similarity[k * views + i] = both;
      }
  });
  return tv_matmul(0, 0, views, dim, views, similarity, z, dz);
}
