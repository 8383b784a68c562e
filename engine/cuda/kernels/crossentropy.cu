// The mean cross entropy of the labels under the softmax of the logits, as model.SoftmaxCrossEntropy has it. logits are [rows,
// classes], labels [rows] class indices, all float32; sizes are int64.
//
//   cross_entropy_rows  (rows, classes, logits, labels, losses, wrong)            grid Rows
//   mean                (n, values, sum)                                          grid Single
//   cross_entropy_grad  (rows, classes, logits, labels, dloss, dlogits, wrong)    grid Rows
//
// losses [rows] are float64, and the loss is their mean. wrong points to an int32, or is NULL: of the rows whose label is no
// class index the first one's number is written there if it is less than what stands there, and their loss and gradient are NaN.
//
// A row is a warp's. The greatest logit is taken out, so that nothing overflows.
#include "elements.h"
#include "reduce.h"

namespace {

// log Σ exp(x). NaN is never the greatest, but it makes the sum NaN.
__device__ double log_sum_exp(int64_t n, const float *x) {
  const int lane = threadIdx.x % 32;
  float greatest = -INFINITY;
  for (int64_t i = lane; i < n; i += 32) greatest = x[i] > greatest ? x[i] : greatest;
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, greatest, lanes);
    greatest = other > greatest ? other : greatest;
  }
  double sum = 0;
  for (int64_t i = lane; i < n; i += 32) sum += exp(double(x[i]) - double(greatest));
  return double(greatest) + log(warp_sum(sum));
}

// class_of returns the label as an index, or -1 if it is none, and takes note of the row.
__device__ int64_t class_of(float label, int64_t classes, int64_t row, int *wrong) {
  if (label >= 0 && label < float(classes) && label == floorf(label)) return int64_t(label);
  if (wrong && threadIdx.x % 32 == 0) atomicMin(wrong, int(row));
  return -1;
}

}  // namespace

extern "C" __global__ void cross_entropy_rows(int64_t rows, int64_t classes, const float *logits, const float *labels,
                                              double *losses, int *wrong) {
  for (int64_t r = thread_of_grid() / 32; r < rows; r += threads_of_grid() / 32) {
    const float *row = logits + r * classes;
    const double total = log_sum_exp(classes, row);
    const int64_t label = class_of(labels[r], classes, r, wrong);
    if (threadIdx.x % 32 == 0) losses[r] = label < 0 ? double(NAN) : total - double(row[label]);
  }
}
EXPORT(cross_entropy_rows)

extern "C" __global__ void mean(int64_t n, const double *values, float *result) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += values[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *result = float(sum / double(n));
}
EXPORT(mean)

extern "C" __global__ void cross_entropy_grad(int64_t rows, int64_t classes, const float *logits, const float *labels,
                                              const float *dloss, float *dlogits, int *wrong) {
  const double scale = double(*dloss) / double(rows);
  for (int64_t r = thread_of_grid() / 32; r < rows; r += threads_of_grid() / 32) {
    const float *row = logits + r * classes;
    const double total = log_sum_exp(classes, row);
    const int64_t label = class_of(labels[r], classes, r, wrong);
    for (int64_t k = threadIdx.x % 32; k < classes; k += 32) {
      const double p = exp(double(row[k]) - total);
      dlogits[r * classes + k] = label < 0 ? NAN : float(scale * (k == label ? p - 1 : p));
    }
  }
}
EXPORT(cross_entropy_grad)
