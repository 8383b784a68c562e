// Rows of unit length for SimCLR, columns of mean 0 and unit length for Barlow Twins, with their gradients, and the sums of
// columns. All float32, [rows, width] or [rows, columns]; sizes are int64.
//
//   l2_normalize         (rows, width, x, y)           grid Rows
//   l2_normalize_grad    (rows, width, x, y, dy, dx)   grid Rows
//   standardize          (rows, columns, x, y)         grid Columns
//   standardize_grad     (rows, columns, x, y, dy, dx) grid Columns
//   column_sum           (rows, columns, x, sum)       grid Columns
//
// A norm below kNormFloor is taken for the floor, and its derivative for 0, as in package model. Sums are float64: the matrices
// are small beside the network's activations. A row is a warp's, 32 columns are a block's.
#include "columns.h"
#include "elements.h"
#include "reduce.h"

namespace {

constexpr double kNormFloor = 1e-12;  // model.NormFloor

// In this order NaN stays NaN.
__device__ __forceinline__ double inverse_norm(double norm) { return 1.0 / (norm < kNormFloor ? kNormFloor : norm); }

__device__ __forceinline__ double dot(int64_t width, const float *a, const float *b) {
  double sum = 0;
  for (int64_t i = threadIdx.x % 32; i < width; i += 32) sum += double(a[i]) * double(b[i]);
  return warp_sum(sum);
}

// each_row calls body(offset of a row's first element) for the rows of this warp.
template <typename Body>
__device__ __forceinline__ void each_row(int64_t rows, int64_t width, Body body) {
  for (int64_t r = thread_of_grid() / 32; r < rows; r += threads_of_grid() / 32) body(r * width);
}

__device__ __forceinline__ double column_norm(int64_t rows, int64_t columns, const float *x, double mean) {
  return sqrt(columns_sum(rows, columns, [=](int64_t at) { return (x[at] - mean) * (x[at] - mean); }));
}

}  // namespace

extern "C" __global__ void l2_normalize(int64_t rows, int64_t width, const float *x, float *y) {
  each_row(rows, width, [=](int64_t row) {
    const double inverse = inverse_norm(sqrt(dot(width, x + row, x + row)));
    for (int64_t i = threadIdx.x % 32; i < width; i += 32) y[row + i] = float(x[row + i] * inverse);
  });
}
EXPORT(l2_normalize)

extern "C" __global__ void l2_normalize_grad(int64_t rows, int64_t width, const float *x, const float *y, const float *dy,
                                             float *dx) {
  each_row(rows, width, [=](int64_t row) {
    const double norm = sqrt(dot(width, x + row, x + row)), inverse = inverse_norm(norm);
    const double product = dot(width, y + row, dy + row), along = norm < kNormFloor ? 0.0 : product;
    for (int64_t i = threadIdx.x % 32; i < width; i += 32)
      dx[row + i] = float((dy[row + i] - y[row + i] * along) * inverse);
  });
}
EXPORT(l2_normalize_grad)

extern "C" __global__ void __launch_bounds__(kColumns *kLanes)
    standardize(int64_t rows, int64_t columns, const float *x, float *y) {
  const double mean = columns_sum(rows, columns, [=](int64_t at) { return double(x[at]); }) / double(rows);
  const double inverse = inverse_norm(column_norm(rows, columns, x, mean));
  each_of_column(rows, columns, [=](int64_t at) { y[at] = float((x[at] - mean) * inverse); });
}
EXPORT(standardize)

extern "C" __global__ void __launch_bounds__(kColumns *kLanes)
    standardize_grad(int64_t rows, int64_t columns, const float *x, const float *y, const float *dy, float *dx) {
  const double centre = columns_sum(rows, columns, [=](int64_t at) { return double(x[at]); }) / double(rows);
  const double norm = column_norm(rows, columns, x, centre), inverse = inverse_norm(norm);
  const double mean = columns_sum(rows, columns, [=](int64_t at) { return double(dy[at]); }) / double(rows);
  const double product = columns_sum(rows, columns, [=](int64_t at) { return double(y[at]) * double(dy[at]); });
  const double along = norm < kNormFloor ? 0.0 : product;
  each_of_column(rows, columns, [=](int64_t at) { dx[at] = float((dy[at] - mean - y[at] * along) * inverse); });
}
EXPORT(standardize_grad)

extern "C" __global__ void __launch_bounds__(kColumns *kLanes)
    column_sum(int64_t rows, int64_t columns, const float *x, float *sum) {
  const double total = columns_sum(rows, columns, [=](int64_t at) { return double(x[at]); });
  const int64_t column = int64_t(blockIdx.x) * kColumns + threadIdx.x;
  if (threadIdx.y == 0 && column < columns) sum[column] = float(total);
}
EXPORT(column_sum)
