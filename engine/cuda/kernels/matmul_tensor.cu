// The product of matmul.cu on tensor cores: float32 in memory, factors rounded to TF32, sums in float32. It is several times as
// fast, and the relative error of a factor is 2⁻¹¹ instead of 2⁻²⁴.
//
//   matmul_tfloat32  (trans_a, trans_b, m, n, k, a, b, bias, c)   grid MatMulTensor
//
// The arguments are matmul_float32's.
//
// A block of four warps makes a tile of 64×64 results, a warp 32×32 of them as 2×4 products of tensor cores, from slices of 32 of
// the inner index. While it works on one slice the next one is on its way from memory to registers. Every sum is over the block's part
// of k in order; c has Parts, as matmul_float32's.
#include "elements.h"
#include "mma.h"
#include "parts.h"

namespace {

constexpr int kTile = 64, kSlice = 32, kThreads = 128;
constexpr int kPacks = kTile * kSlice / 4 / kThreads;  // a thread's part of a slice, in packs of four

// A slice in shared memory, as it lies in the matrix: 64 rows of 32, or 32 columns of 64 where that is transposed. Both are longer than
// that, so that the lanes of a fragment, 8 rows by 4 columns, meet all banks, and so that a thread's four neighbours are one write.
constexpr int kRow = kSlice + 4, kColumn = kTile + 8;
static_assert(kTile * kRow == kSlice * kColumn, "both ways a slice takes the same memory");
struct alignas(16) Slice {
  uint32_t value[kTile * kRow];
};

// What a thread has of the next slice of one matrix.
struct Part {
  float value[kPacks][4];
};

// Matrix is op(a), or op(b) turned round: [rows, columns] with columns the inner index, in memory as it is or transposed.
template <bool transposed>
struct Matrix {
  const float *x;
  int64_t rows, columns;
  bool wide;

  __device__ Matrix(const float *x, int64_t rows, int64_t columns)
      : x(x), rows(rows), columns(columns), wide((transposed ? rows : columns) % 4 == 0 && aligned(x)) {}

  // index is where in a slice an element is.
  static __device__ __forceinline__ int index(int row, int column) {
    return transposed ? column * kColumn + row : row * kRow + column;
  }

  // Which four elements of a slice pack i of this thread is: four neighbours in memory.
  __device__ __forceinline__ void place(int i, int *row, int *column) const {
    const int pack = i * kThreads + threadIdx.x;
    *row = transposed ? pack % (kTile / 4) * 4 : pack / (kSlice / 4);
    *column = transposed ? pack / (kTile / 4) : pack % (kSlice / 4) * 4;
  }

  // read takes rows first.. and columns k..; what is outside of the matrix is 0.
  __device__ __forceinline__ void read(Part &part, int64_t first, int64_t k) const {
#pragma unroll
    for (int i = 0; i < kPacks; i++) {
      int row, column;
      place(i, &row, &column);
      const int64_t r = first + row, c = k + column;
      const float *from = transposed ? x + c * rows + r : x + r * columns + c;
#pragma unroll
      for (int j = 0; j < 4; j++) part.value[i][j] = 0;
      if (wide) {
        if (r < rows && c < columns) load_pack(from, part.value[i]);
        continue;
      }
#pragma unroll
      for (int j = 0; j < 4; j++)
        if ((transposed ? r + j : r) < rows && (transposed ? c : c + j) < columns) part.value[i][j] = from[j];
    }
  }

  __device__ __forceinline__ void write(const Part &part, Slice &slice) const {
#pragma unroll
    for (int i = 0; i < kPacks; i++) {
      int row, column;
      place(i, &row, &column);
      uint4 pack;
      pack.x = to_tfloat32(part.value[i][0]);
      pack.y = to_tfloat32(part.value[i][1]);
      pack.z = to_tfloat32(part.value[i][2]);
      pack.w = to_tfloat32(part.value[i][3]);
      *reinterpret_cast<uint4 *>(&slice.value[index(row, column)]) = pack;
    }
  }
};

// add_slices adds what one slice of each matrix makes of the warp's 32×32 results.
template <typename A, typename B>
__device__ __forceinline__ void add_slices(const Slice &a, const Slice &b, int row, int column, float (&sum)[2][4][4]) {
  const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int k = 0; k < kSlice; k += 8) {
    uint32_t of_a[2][4], of_b[4][2];
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
      for (int e = 0; e < 4; e++) of_a[i][e] = a.value[A::index(row + 16 * i + g + e % 2 * 8, k + t + e / 2 * 4)];
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 2; e++) of_b[j][e] = b.value[B::index(column + 8 * j + g, k + t + e * 4)];
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) add_tfloat32(of_a[i], of_b[j], sum[i][j]);
  }
}

template <bool trans_a, bool trans_b>
__device__ void multiply(Slice (&slices)[2][2], int64_t m, int64_t n, int64_t k, const float *a, const float *b, const float *bias,
                         float *c) {
  using A = Matrix<trans_a>;
  using B = Matrix<!trans_b>;
  const unsigned across = unsigned((n + kTile - 1) / kTile);
  const int64_t top = int64_t(blockIdx.x / across) * kTile, left = int64_t(blockIdx.x % across) * kTile;
  const Range part = part_of(k, kSlice, blockIdx.y, gridDim.y);
  const A of_a(a, m, k);
  const B of_b(b, n, k);
  const int warp = threadIdx.x / 32, row = warp / 2 * 32, column = warp % 2 * 32;
  float sum[2][4][4] = {};
  Part part_a, part_b;
  of_a.read(part_a, top, part.first);
  of_b.read(part_b, left, part.first);
  int now = 0;
  for (int64_t at = part.first; at < part.last; at += kSlice, now ^= 1) {
    // The other pair was last read before the last barrier, so one barrier a slice is enough.
    of_a.write(part_a, slices[now][0]);
    of_b.write(part_b, slices[now][1]);
    __syncthreads();
    if (at + kSlice < part.last) {
      of_a.read(part_a, top, at + kSlice);
      of_b.read(part_b, left, at + kSlice);
    }
    add_slices<A, B>(slices[now][0], slices[now][1], row, column, sum);
  }
  if (blockIdx.y > 0) bias = nullptr;
  c += blockIdx.y * m * n;
  const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int i = 0; i < 2; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int64_t r = top + row + 16 * i + g + e / 2 * 8, l = left + column + 8 * j + 2 * t + e % 2;
        if (r < m && l < n) c[r * n + l] = sum[i][j][e] + (bias ? bias[l] : 0.0f);
      }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 2)
    matmul_tfloat32(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const float *a, const float *b,
                    const float *bias, float *c) {
  __shared__ Slice slices[2][2];
  if (trans_a && trans_b) multiply<true, true>(slices, m, n, k, a, b, bias, c);
  if (trans_a && !trans_b) multiply<true, false>(slices, m, n, k, a, b, bias, c);
  if (!trans_a && trans_b) multiply<false, true>(slices, m, n, k, a, b, bias, c);
  if (!trans_a && !trans_b) multiply<false, false>(slices, m, n, k, a, b, bias, c);
}
EXPORT(matmul_tfloat32)
