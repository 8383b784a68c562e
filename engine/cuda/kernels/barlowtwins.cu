// The loss of Barlow Twins (Zbontar et al. 2021, eq. 1) as model.RedundancyReduction has it, on a and b [rows, columns] of float32
// with columns of unit length. Sizes are int64, lambda is double.
//
//   redundancy_reduction_squares   (rows, columns, lambda, x, y, losses)         grid Rows; losses [rows] of float64
//   redundancy_reduction_diagonal  (rows, columns, lambda, a, b, losses)         grid Columns; losses [columns] of float64
//   sum                            (n, values, result)                           grid Single; float64 to float32
//   redundancy_reduction_grad      (rows, columns, lambda, a, b, dloss, da)      grid Columns; da holds b·bᵀ·a before
//
// The matrix products are matmul.cu's. The correlation matrix C = aᵀ·b, 8,192² for the paper's projector, is made only where there
// are more rows than columns: the sum of its squares is that of (a·aᵀ)∘(b·bᵀ), which are [rows, rows] (Garrido et al. 2022). The
// loss is the sum of both kernels' losses, those of the squares with x = a·aᵀ and y = b·bᵀ, or with x = y = C.
#include "columns.h"
#include "elements.h"
#include "reduce.h"

// λ·Σ_j x_ij·y_ij, a row by a warp.
extern "C" __global__ void redundancy_reduction_squares(int64_t rows, int64_t columns, double lambda, const float *x,
                                                        const float *y, double *losses) {
  for (int64_t i = thread_of_grid() / 32; i < rows; i += threads_of_grid() / 32) {
    double all = 0;
    for (int64_t j = threadIdx.x % 32; j < columns; j += 32) all += double(x[i * columns + j]) * double(y[i * columns + j]);
    all = warp_sum(all);
    if (threadIdx.x % 32 == 0) losses[i] = lambda * all;
  }
}
EXPORT(redundancy_reduction_squares)

namespace {

// C_ii of the thread's column.
__device__ __forceinline__ double correlation(int64_t rows, int64_t columns, const float *a, const float *b) {
  return columns_sum(rows, columns, [=](int64_t at) { return double(a[at]) * double(b[at]); });
}

}  // namespace

// (1 − C_ii)² − λ·C_ii²: what the squares have too much is taken away.
extern "C" __global__ void __launch_bounds__(kColumns *kLanes)
    redundancy_reduction_diagonal(int64_t rows, int64_t columns, double lambda, const float *a, const float *b, double *losses) {
  const double c = correlation(rows, columns, a, b);
  const int64_t column = int64_t(blockIdx.x) * kColumns + threadIdx.x;
  if (threadIdx.y == 0 && column < columns) losses[column] = (1 - c) * (1 - c) - lambda * c * c;
}
EXPORT(redundancy_reduction_diagonal)

extern "C" __global__ void sum(int64_t n, const double *values, float *result) {
  double total = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) total += values[i];
  total = block_sum(total);
  if (threadIdx.x == 0) *result = float(total);
}
EXPORT(sum)

// 2·dloss·(λ·b·bᵀ·a + b·diag((1 − λ)·C_ii − 1)).
extern "C" __global__ void __launch_bounds__(kColumns *kLanes)
    redundancy_reduction_grad(int64_t rows, int64_t columns, double lambda, const float *a, const float *b, const float *dloss,
                              float *da) {
  const double scale = 2.0 * double(*dloss), of_all = scale * lambda;
  const double of_one = scale * ((1 - lambda) * correlation(rows, columns, a, b) - 1);
  each_of_column(rows, columns, [=](int64_t at) { da[at] = float(of_all * da[at] + of_one * b[at]); });
}
EXPORT(redundancy_reduction_grad)
