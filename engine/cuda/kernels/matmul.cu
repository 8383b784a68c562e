// Matrix products for projection heads and classifiers.
//
//   matmul_T  (trans_a, trans_b, m, n, k, a, b, bias, c)   grid MatMul
//
// c [m, n] = op(a)·op(b) + bias: a is [m, k], or [k, m] where trans_a is not 0; b is [k, n], or [n, k] where trans_b is not 0;
// bias is [n] or NULL. a and b are T, float32 or bfloat16, sums and all else float32. trans_a and trans_b are int, sizes int64.
//
// A block makes a tile of 64×64 results (tile.h). Every sum is over k in order, so it does not depend on the grid.
#include "tile.h"

namespace {

template <typename T>
__device__ void matmul(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const T *a, const T *b,
                       const float *bias, float *c) {
  __shared__ Slices slices;
  const int64_t top = int64_t(blockIdx.y) * kTile, left = int64_t(blockIdx.x) * kTile;
  float sum[kTileEach][kTileEach] = {};
  add_tile(slices, a, trans_a, top, m, b, !trans_b, left, n, k, sum);
  for (int i = 0; i < kTileEach; i++)
    for (int j = 0; j < kTileEach; j++) {
      const int64_t row = top + tile_row() + i, column = left + tile_column() + j;
      if (row < m && column < n) c[row * n + column] = sum[i][j] + (bias ? bias[column] : 0.0f);
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kTileThreads)
    matmul_float32(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const float *a, const float *b,
                   const float *bias, float *c) {
  matmul(trans_a != 0, trans_b != 0, m, n, k, a, b, bias, c);
}
EXPORT(matmul_float32)
extern "C" __global__ void __launch_bounds__(kTileThreads)
    matmul_bfloat16(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const __nv_bfloat16 *a,
                    const __nv_bfloat16 *b, const float *bias, float *c) {
  matmul(trans_a != 0, trans_b != 0, m, n, k, a, b, bias, c);
}
EXPORT(matmul_bfloat16)
