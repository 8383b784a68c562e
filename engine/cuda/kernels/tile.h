// Products of matrices by a block of 256 threads: 64×64 results at a time, 4×4 of them in the registers of a thread, from slices
// of both matrices in shared memory.
#ifndef TWINVIEW_CUDA_TILE_H
#define TWINVIEW_CUDA_TILE_H

#include "elements.h"
#include "parts.h"

constexpr int kTile = 64, kTileThreads = 256, kTileEach = 4;

// A slice of a matrix: N steps of the inner index by 64 rows. A step is 4 longer, so that not all threads that write across meet
// at one bank.
template <int N>
struct alignas(16) Slice {
  float value[N][kTile + 4];
};

// take reads rows first..first+63 and columns k..k+N-1 of a matrix [rows, columns], which lies in memory as it is or transposed.
// What is outside of it is 0.
template <int N>
__device__ __forceinline__ void take(Slice<N> &slice, const float *x, bool transposed, int64_t first, int64_t rows, int64_t k,
                                     int64_t columns) {
  for (int i = threadIdx.x; i < kTile * N; i += kTileThreads) {
    // Neighbouring threads read neighbours in memory.
    const int row = transposed ? i % kTile : i / N, column = transposed ? i / kTile : i % N;
    const int64_t r = first + row, c = k + column;
    float v = 0;
    if (r < rows && c < columns) v = transposed ? x[c * rows + r] : x[r * columns + c];
    slice.value[column][row] = v;
  }
}

// The thread's results are rows row()..row()+3 and columns column()..column()+3 of the tile; the 16 threads of one row are
// neighbours.
__device__ __forceinline__ int tile_row() { return int(threadIdx.x) / (kTile / kTileEach) * kTileEach; }
__device__ __forceinline__ int tile_column() { return int(threadIdx.x) % (kTile / kTileEach) * kTileEach; }

// add_products adds to the thread's results what one slice of each matrix makes.
template <int N>
__device__ __forceinline__ void add_products(const Slice<N> &a, const Slice<N> &b, float (&sum)[kTileEach][kTileEach]) {
  const int row = tile_row(), column = tile_column();
#pragma unroll 16
  for (int s = 0; s < N; s++) {
    float of_row[kTileEach], of_column[kTileEach];
    load_pack(&a.value[s][row], of_row);
    load_pack(&b.value[s][column], of_column);
#pragma unroll
    for (int i = 0; i < kTileEach; i++)
#pragma unroll
      for (int j = 0; j < kTileEach; j++) sum[i][j] = fmaf(of_row[i], of_column[j], sum[i][j]);
  }
}

// Two slices of 16 that add_tile works with. All threads of the block call it; sum is the thread's part of the product of
// rows top.. of a [m, k] and rows left.. of b [n, k], each possibly transposed in memory, added up over part of k in order.
struct Slices {
  Slice<16> a, b;
};

__device__ __forceinline__ void add_tile(Slices &slices, const float *a, bool a_transposed, int64_t top, int64_t m, const float *b,
                                         bool b_transposed, int64_t left, int64_t n, int64_t k, Range part,
                                         float (&sum)[kTileEach][kTileEach]) {
  for (int64_t at = part.first; at < part.last; at += 16) {
    take(slices.a, a, a_transposed, top, m, at, k);
    take(slices.b, b, b_transposed, left, n, at, k);
    __syncthreads();
    add_products(slices.a, slices.b, sum);
    __syncthreads();
  }
}

#endif
