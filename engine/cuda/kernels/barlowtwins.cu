// The loss of Barlow Twins (Zbontar et al. 2021, eq. 1) as model.RedundancyReduction has it, on a correlation matrix c [width,
// width] of float32; width is int64, lambda double.
//
//   redundancy_reduction_rows  (width, lambda, c, losses)     grid Rows; losses [width] of float64, whose sum is the loss
//   sum                        (n, values, result)            grid Single; float64 to float32
//   redundancy_reduction_grad  (width, lambda, c, dloss, dc)  grid Rows; dc may be c
#include "elements.h"
#include "reduce.h"

extern "C" __global__ void redundancy_reduction_rows(int64_t width, double lambda, const float *c, double *losses) {
  for (int64_t i = thread_of_grid() / 32; i < width; i += threads_of_grid() / 32) {
    double off = 0;
    for (int64_t j = threadIdx.x % 32; j < width; j += 32)
      if (j != i) off += double(c[i * width + j]) * double(c[i * width + j]);
    off = warp_sum(off);
    const double on = 1.0 - double(c[i * width + i]);
    if (threadIdx.x % 32 == 0) losses[i] = on * on + lambda * off;
  }
}
EXPORT(redundancy_reduction_rows)

extern "C" __global__ void sum(int64_t n, const double *values, float *result) {
  double total = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) total += values[i];
  total = block_sum(total);
  if (threadIdx.x == 0) *result = float(total);
}
EXPORT(sum)

extern "C" __global__ void redundancy_reduction_grad(int64_t width, double lambda, const float *c, const float *dloss,
                                                     float *dc) {
  const double scale = 2.0 * double(*dloss);
  const float off = float(scale * lambda);
  for (int64_t i = thread_of_grid() / 32; i < width; i += threads_of_grid() / 32)
    for (int64_t j = threadIdx.x % 32; j < width; j += 32) {
      const float v = c[i * width + j];
      dc[i * width + j] = j == i ? float(scale * (double(v) - 1.0)) : off * v;
    }
}
EXPORT(redundancy_reduction_grad)
