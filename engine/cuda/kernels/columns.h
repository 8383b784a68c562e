// Sums over the columns of a matrix by blocks of 32×32 threads, 32 columns each.
#ifndef TWINVIEW_CUDA_COLUMNS_H
#define TWINVIEW_CUDA_COLUMNS_H

#include "device.h"

constexpr int kColumns = 32, kLanes = 32;

// columns_sum adds up body(offset of an element) over the thread's column; every thread of the column gets the sum. All threads
// of the block call it.
template <typename Body>
__device__ double columns_sum(int64_t rows, int64_t columns, Body body) {
  __shared__ double of_lanes[kLanes][kColumns + 1];
  const int64_t column = int64_t(blockIdx.x) * kColumns + threadIdx.x;
  double sum = 0;
  if (column < columns)
    for (int64_t r = threadIdx.y; r < rows; r += kLanes) sum += body(r * columns + column);
  __syncthreads();  // whoever called it before has read
  of_lanes[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  sum = 0;
  for (int lane = 0; lane < kLanes; lane++) sum += of_lanes[lane][threadIdx.x];
  return sum;
}

// each_of_column calls body(offset of an element) for the thread's part of its column.
template <typename Body>
__device__ void each_of_column(int64_t rows, int64_t columns, Body body) {
  const int64_t column = int64_t(blockIdx.x) * kColumns + threadIdx.x;
  if (column >= columns) return;
  for (int64_t r = threadIdx.y; r < rows; r += kLanes) body(r * columns + column);
}

#endif
