// Matrix products for projection heads and classifiers.
//
//   matmul_float32  (trans_a, trans_b, m, n, k, a, b, bias, c)   grid MatMul
//   add_parts       (n, parts, partial, c)                       grid Elementwise; c [n] of partial [parts, n], in their order
//
// c [m, n] = op(a)·op(b) + bias: a is [m, k], or [k, m] where trans_a is not 0; b is [k, n], or [n, k] where trans_b is not 0;
// bias is [n] or NULL. All are float32, trans_a and trans_b are int, sizes int64. matmul_tensor.cu has the same on tensor cores.
//
// A block makes a tile of 64×64 results (tile.h) from a part of k, in order. Where the launch has several Parts, so that a few tiles
// are work for a whole device, c is [parts, m, n], and add_parts makes the product of it.
#include "tile.h"

extern "C" __global__ void __launch_bounds__(kTileThreads)
    matmul_float32(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const float *a, const float *b,
                   const float *bias, float *c) {
  __shared__ Slices slices;
  const unsigned across = unsigned((n + kTile - 1) / kTile);
  const int64_t top = int64_t(blockIdx.x / across) * kTile, left = int64_t(blockIdx.x % across) * kTile;
  float sum[kTileEach][kTileEach] = {};
  const Range part = part_of(k, 16, blockIdx.y, gridDim.y);
  add_tile(slices, a, trans_a != 0, top, m, b, trans_b == 0, left, n, k, part, sum);
  if (blockIdx.y > 0) bias = nullptr;
  c += blockIdx.y * m * n;
  for (int i = 0; i < kTileEach; i++)
    for (int j = 0; j < kTileEach; j++) {
      const int64_t row = top + tile_row() + i, column = left + tile_column() + j;
      if (row < m && column < n) c[row * n + column] = sum[i][j] + (bias ? bias[column] : 0.0f);
    }
}
EXPORT(matmul_float32)

extern "C" __global__ void add_parts(int64_t n, int64_t parts, const float *partial, float *c) {
  for (int64_t i = thread_of_grid(); i < n; i += threads_of_grid()) {
    float sum = 0;
    for (int64_t part = 0; part < parts; part++) sum += partial[part * n + i];
    c[i] = sum;
  }
}
EXPORT(add_parts)
