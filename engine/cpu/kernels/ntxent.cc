// NT-Xent (Chen et al. 2020, eq. 1; with several positives Khosla et al. 2020, eq. 2) on rows of unit length. A block of
// anchors is compared with all views at once, in one matrix product whose result stays in the cache: nothing of size
// [views, views] is ever in memory. The block's size is fixed and each block is one thread's, so that the number of threads
// changes nothing.
#include <atomic>
#include <cmath>
#include <vector>

#include "bridge.h"
#include "exponential.h"
#include "lanes.h"
#include "loops.h"

namespace twinview {
namespace {

constexpr int64_t kAnchors = 64;

TV_CLONES float greatest(int64_t n, const float *x) {
  float lane[kLanes];
  for (int j = 0; j < kLanes; j++) lane[j] = -INFINITY;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
  for (int j = 0; i + j < n; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
  return *std::max_element(lane, lane + kLanes);
}

// x becomes exp((x − origin)·factor).
TV_CLONES void exponentials(int64_t n, float origin, float factor, float *x) {
  for (int64_t i = 0; i < n; i++) x[i] = exponential((x[i] - origin) * factor);
}

TV_CLONES double sum(int64_t n, const float *x) {
  double lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; j++) lane[j] += x[i + j];
  for (int j = 0; i + j < n; j++) lane[j] += x[i + j];
  return add_lanes(lane);
}

// An anchor's softmax over k ≠ i is exp((s_ik − greatest)/τ) / total.
struct softmax {
  float greatest;
  double total;
};

// measure takes anchor i's row of similarities and leaves it spoilt.
softmax measure(int64_t views, int64_t i, double temperature, float *row) {
  row[i] = -INFINITY;
  const float top = greatest(views, row);
  exponentials(views, top, float(1.0 / temperature), row);
  row[i] = 0;
  return {top, sum(views, row)};
}

// A row of similarities becomes the coefficients of dz_i: s_ik stands in the softmax of anchor i and, as s_ki, in that of
// anchor k.
TV_CLONES void coefficients(int64_t views, float factor, float scale, float origin, float share, const float *origins,
                            const float *shares, float *row) {
  for (int64_t k = 0; k < views; k++)
    row[k] = scale * (exponential((row[k] - origin) * factor) * share +
                      exponential((row[k] - origins[k]) * factor) * shares[k]);
}

// for_positives calls body(k) for every other view k of view i's image.
template <typename Body>
void for_positives(int64_t views, int64_t images, int64_t i, Body body) {
  for (int64_t k = i % images; k < views; k += images)
    if (k != i) body(k);
}

// for_anchors calls body(first anchor, number of anchors, their similarities [number, views]) for every block, which may
// return a message; it returns one of them.
template <typename Body>
const char *for_anchors(int64_t views, int64_t dim, const float *z, Body body) {
  std::atomic<const char *> message{nullptr};
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < views; first += kAnchors) {
    static thread_local std::vector<float> similarity;
    similarity.resize(kAnchors * views);
    const int64_t n = std::min(kAnchors, views - first);
    const char *failure = tv_matmul(0, 1, n, views, dim, z + first * dim, z, similarity.data());
    if (!failure) failure = body(first, n, similarity.data());
    if (failure) message = failure;
  }
  return message;
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" const char *tv_ntxent(int64_t views, int64_t images, int64_t dim, double temperature, const float *z,
                                 float *loss) {
  std::vector<double> losses(views);
  const double others = double(views / images - 1);
  const char *failure = for_anchors(views, dim, z, [&](int64_t first, int64_t n, float *row) -> const char * {
    for (int64_t i = first; i < first + n; i++, row += views) {
      double positive = 0;
      for_positives(views, images, i, [&](int64_t k) { positive += row[k]; });
      const softmax s = measure(views, i, temperature, row);
      losses[i] = std::log(s.total) + (s.greatest - positive / others) / temperature;
    }
    return nullptr;
  });
  if (failure) return failure;
  double sum = 0;
  for (double l : losses) sum += l;
  *loss = float(sum / double(views));
  return nullptr;
}

// With P_ik = softmax over k≠i and T_ik = 1 for the positive, or a share of 1 for each of several, the gradient of the
// similarities is G = (P − T)/(τ·views), and that of z is (G + Gᵀ)·z, since z stands on both sides of the product. The
// similarities are computed twice: the second time all softmaxes are known, and the product takes less time than keeping
// the first.
extern "C" const char *tv_ntxent_grad(int64_t views, int64_t images, int64_t dim, double temperature, const float *z,
                                      const float *dloss, float *dz) {
  std::vector<float> origins(views), shares(views);
  const char *failure = for_anchors(views, dim, z, [&](int64_t first, int64_t n, float *row) -> const char * {
    for (int64_t i = first; i < first + n; i++, row += views) {
      const softmax s = measure(views, i, temperature, row);
      origins[i] = s.greatest;
      shares[i] = float(1.0 / s.total);
    }
    return nullptr;
  });
  if (failure) return failure;
  const float factor = float(1.0 / temperature), scale = float(*dloss / (temperature * double(views)));
  const float pull = 2 * scale / float(views / images - 1);
  return for_anchors(views, dim, z, [&](int64_t first, int64_t n, float *similarity) {
    for (int64_t i = first; i < first + n; i++) {
      float *row = similarity + (i - first) * views;
      coefficients(views, factor, scale, origins[i], shares[i], origins.data(), shares.data(), row);
      row[i] = 0;
      for_positives(views, images, i, [&](int64_t k) { row[k] -= pull; });
    }
    return tv_matmul(0, 0, n, dim, views, similarity, z, dz + first * dim);
  });
}
