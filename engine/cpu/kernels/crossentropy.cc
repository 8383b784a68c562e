// The mean cross entropy of the labels under the softmax of the logits. There are few classes, so the rows are short and
// nothing here is worth vectorising.
#include <cmath>
#include <cstdio>
#include <vector>

#include "bridge.h"
#include "loops.h"

namespace {

// check_labels returns a message for the first label that is no class index.
const char *check_labels(int64_t rows, int64_t classes, const float *labels) {
  thread_local char message[160];
  for (int64_t n = 0; n < rows; n++) {
    const float label = labels[n];
    if (label >= 0 && label < float(classes) && label == std::floor(label)) continue;
    std::snprintf(message, sizeof message, "label of row %lld is %g, want an integer from 0 to %lld", (long long)n,
                  double(label), (long long)(classes - 1));
    return message;
  }
  return nullptr;
}

// log Σ exp(x), with the greatest element taken out so that nothing overflows; NaN in any element makes it NaN.
double log_sum_exp(int64_t n, const float *x) {
  const double greatest = *std::max_element(x, x + n);
  double sum = 0;
  for (int64_t k = 0; k < n; k++) sum += std::exp(x[k] - greatest);
  return greatest + std::log(sum);
}

}  // namespace

extern "C" const char *tv_cross_entropy(int64_t rows, int64_t classes, const float *logits, const float *labels,
                                        float *loss) {
  if (const char *failure = check_labels(rows, classes, labels)) return failure;
  std::vector<double> losses(rows);
  twinview::for_blocks(rows, classes, [&](int64_t, int64_t first, int64_t last) {
    for (int64_t n = first; n < last; n++) {
      const float *row = logits + n * classes;
      losses[n] = log_sum_exp(classes, row) - row[int64_t(labels[n])];
    }
  });
  double sum = 0;
  for (double l : losses) sum += l;
  *loss = float(sum / double(rows));
  return nullptr;
}

extern "C" const char *tv_cross_entropy_grad(int64_t rows, int64_t classes, const float *logits, const float *labels,
                                             const float *dloss, float *dlogits) {
  if (const char *failure = check_labels(rows, classes, labels)) return failure;
  const double scale = *dloss / double(rows);
  twinview::for_blocks(rows, classes, [=](int64_t, int64_t first, int64_t last) {
    for (int64_t n = first; n < last; n++) {
      const float *row = logits + n * classes;
      const double total = log_sum_exp(classes, row);
      for (int64_t k = 0; k < classes; k++) {
        const double target = k == int64_t(labels[n]) ? 1.0 : 0.0;
        dlogits[n * classes + k] = float(scale * (std::exp(row[k] - total) - target));
      }
    }
  });
  return nullptr;
}
