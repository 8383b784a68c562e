// Batch norm (Ioffe and Szegedy 2015) on x [rows, channels], with the ReLU and the addition around it. stats is [2, channels]:
// the mean, then the biased variance. Activations and their gradients are T, float32 or bfloat16; all else is float32.
// Sizes are int64, slabs int64, epsilon is float, relu an int.
//
//   batch_stats_T            (rows, channels, x, partial)                           grid BatchNormSums
//   batch_stats_total_T      (rows, channels, slabs, x, partial, stats,             grid BatchNormTotal
//                             mean, variance)
//   batch_stats_of_tiles     (rows, channels, tile, tiles, stats)                   grid BatchStatsOfTiles
//   batch_norm_T             (rows, channels, epsilon, x, stats, weight, bias,      grid BatchNormApply
//                             residual, relu, y)
//   batch_norm_affine_grad_T (rows, channels, epsilon, x, stats, weight, bias, dy,  grid BatchNormSums
//                             partial)
//   relu_batch_norm_affine_grad_T (rows, channels, x, stats, y, dy, masked,         grid BatchNormSums
//                             partial)
//   batch_norm_affine_grad_total (channels, slabs, epsilon, stats, partial, grad)   grid BatchNormTotal
//   batch_norm_input_grad_T  (rows, channels, epsilon, x, stats, weight, bias, dy,  grid BatchNormApply
//                             affine_grad, dx)
//
// A training step of one layer is batch_stats, its total, batch_norm, or where the convolution before has gathered statistics of
// its tiles, batch_stats_of_tiles, batch_norm; and backward batch_norm_affine_grad or
// relu_batch_norm_affine_grad, the total, batch_norm_input_grad.
//
// batch_norm: y is the batch norm of x, plus residual if that is not NULL, then ReLU if relu is not 0.
// batch_stats_total: mean and variance, if they are not NULL, are running statistics [channels] and take the batch in as
// PyTorch's do, with momentum 0.1 and the unbiased variance.
// batch_stats_of_tiles: tiles is float32 [tiles, 2, channels], the mean of `tile` rows (int64; the last tile may have fewer) and the
// sum of their squared deviations from it.
// batch_norm_affine_grad: grad is [2, channels], that of weight, then that of bias. With weight and bias given, dy is the
// gradient behind a ReLU that followed the batch norm; they are NULL where there was none. batch_norm_input_grad likewise with
// bias alone.
// relu_batch_norm_affine_grad is the same where a residual was added before the ReLU: y is the ReLU's result, masked becomes the
// gradient before it, which the residual's branch and batch_norm_input_grad (with bias NULL) then read.
//
// All are bound by memory. A thread keeps to its channels, W of them in one access of 16 bytes, and goes down the rows: what
// belongs to a channel is loaded once. For sums the rows are divided into slabs; a block adds up one of them in float32, up to
// a few dozen rows a thread, then its threads in float64, and the total adds the slabs in their order. Each pass reads every
// array once.
#include "batchnorm.h"

namespace {

constexpr int kThreads = 256;

// each_row calls body(row) for the thread's rows among those of its block's slab.
template <typename Body>
__device__ __forceinline__ void each_row(int64_t rows, Body body) {
  const int64_t slab = (rows + gridDim.y - 1) / gridDim.y;
  const int64_t last = min(rows, (blockIdx.y + 1) * slab);
#pragma unroll 4
  for (int64_t r = blockIdx.y * slab + threadIdx.y; r < last; r += blockDim.y) body(r);
}

// each_rows likewise calls read(k, row), k < kRows, for a few rows and then write(k, row) for the same. The compiler may not read
// ahead of a write, which could be to the same array; this does, and keeps memory busy.
constexpr int kRows = 2;

template <typename Read, typename Write>
__device__ __forceinline__ void each_rows(int64_t rows, Read read, Write write) {
  const int64_t slab = (rows + gridDim.y - 1) / gridDim.y, step = blockDim.y;
  const int64_t last = min(rows, (blockIdx.y + 1) * slab);
  for (int64_t r = blockIdx.y * slab + threadIdx.y; r < last; r += kRows * step) {
#pragma unroll
    for (int k = 0; k < kRows; k++)
      if (r + k * step < last) read(k, r + k * step);
#pragma unroll
    for (int k = 0; k < kRows; k++)
      if (r + k * step < last) write(k, r + k * step);
  }
}

// sums adds up two values for every channel of every slab: partial[slab][2][channels]. add(first of W channels, the two sums of
// each) adds those of the thread's rows. All threads of the block call it.
template <int W, typename Add>
__device__ void sums(int64_t channels, double *partial, Add add) {
  __shared__ float of_threads[2 * W * kThreads];
  const int64_t groups = channels / W;
  const int thread = threadIdx.y * blockDim.x + threadIdx.x, width = blockDim.x;
  for (int64_t first = int64_t(blockIdx.x) * width; first < groups; first += int64_t(gridDim.x) * width) {
    float sum[2][W] = {};
    const int64_t group = first + threadIdx.x;
    if (group < groups) add(group * W, sum);
    // Neighbours in memory are neighbouring threads.
#pragma unroll
    for (int i = 0; i < W; i++) {
      of_threads[i * kThreads + thread] = sum[0][i];
      of_threads[(W + i) * kThreads + thread] = sum[1][i];
    }
    __syncthreads();
    for (int column = thread; column < 2 * W * width; column += kThreads) {
      const int x = column % width, i = column / width;  // i counts the W channels of the first sum, then of the second
      if (first + x >= groups) continue;
      double total = 0;
      for (int y = 0; y < int(blockDim.y); y++) total += of_threads[i * kThreads + y * width + x];
      const int64_t channel = (first + x) * W + i % W;
      partial[(int64_t(blockIdx.y) * 2 + i / W) * channels + channel] = total;
    }
    __syncthreads();
  }
}

// join adds up two values of each channel over parts of the rows: add(channel, part, sum) adds those of one part, and
// finish(channel, sum) has the two sums, in one thread of each channel. The block is Across channels wide and Lanes high: each lane
// takes every Lanes-th part.
template <int Across, int Lanes, typename Add, typename Finish>
__device__ __forceinline__ void join(int64_t channels, int64_t parts, Add add, Finish finish) {
  __shared__ double of_lanes[2][Lanes][Across + 1];
  const int64_t channel = int64_t(blockIdx.x) * Across + threadIdx.x;
  double sum[2] = {0, 0};
  if (channel < channels) {
#pragma unroll 4
    for (int64_t part = threadIdx.y; part < parts; part += Lanes) add(channel, part, sum);
  }
  for (int s = 0; s < 2; s++) of_lanes[s][threadIdx.y][threadIdx.x] = sum[s];
  __syncthreads();
  if (threadIdx.y > 0 || channel >= channels) return;
  for (int lane = 1; lane < Lanes; lane++)
    for (int s = 0; s < 2; s++) sum[s] += of_lanes[s][lane][threadIdx.x];
  finish(channel, sum);
}

// total adds up the slabs of what `sums` left.
constexpr int kLanes = 32;

template <typename Finish>
__device__ __forceinline__ void total(int64_t channels, int64_t slabs, const double *partial, Finish finish) {
  const auto add = [=](int64_t channel, int64_t slab, double *sum) {
    for (int s = 0; s < 2; s++) sum[s] += partial[(slab * 2 + s) * channels + channel];
  };
  join<32, kLanes>(channels, slabs, add, finish);
}

// The squares are taken relative to the first row's values, which are close to the mean: the variance of a channel far from 0
// would drown in their rounding.
template <typename T, int W>
__device__ void stats_of(int64_t rows, int64_t channels, const T *x, double *partial) {
  sums<W>(channels, partial, [=](int64_t c, float(&sum)[2][W]) {
    float origin[W];
    load_pack(x + c, origin);
    each_row(rows, [&](int64_t r) {
      float v[W];
      load_pack(x + r * channels + c, v);
#pragma unroll
      for (int i = 0; i < W; i++) {
        const float d = v[i] - origin[i];
        sum[0][i] += d;
        sum[1][i] = fmaf(d, d, sum[1][i]);
      }
    });
  });
}

template <typename T>
__device__ __forceinline__ void batch_stats(int64_t rows, int64_t channels, const T *x, double *partial) {
  constexpr int W = Wide<T>::elements;
  if (channels % W == 0 && aligned(x)) return stats_of<T, W>(rows, channels, x, partial);
  stats_of<T, 1>(rows, channels, x, partial);
}

constexpr double kMomentum = 0.1;

__device__ __forceinline__ float blend(float running, double batch) {
  return float((1 - kMomentum) * running + kMomentum * batch);
}

template <typename T>
__device__ __forceinline__ void batch_stats_total(int64_t rows, int64_t channels, int64_t slabs, const T *x,
                                                  const double *partial, float *stats, float *mean, float *variance) {
  total(channels, slabs, partial, [=](int64_t c, const double *sum) {
    const double offset = sum[0] / double(rows), square = sum[1] / double(rows) - offset * offset;
    const float of_batch[2] = {float(load(x[c]) + offset), float(square < 0 ? 0 : square)};  // NaN stays NaN
    stats[c] = of_batch[0];
    stats[channels + c] = of_batch[1];
    if (!mean) return;
    mean[c] = blend(mean[c], of_batch[0]);
    variance[c] = blend(variance[c], rows > 1 ? of_batch[1] * (double(rows) / double(rows - 1)) : of_batch[1]);
  });
}

// each_group calls body(first channel) for the thread's groups of W channels.
template <int W, typename Body>
__device__ __forceinline__ void each_group(int64_t channels, Body body) {
  for (int64_t c = thread_of_grid() * W; c < channels; c += threads_of_grid() * W) body(c);
}

template <typename T, int W>
__device__ void normalize(int64_t rows, int64_t channels, float epsilon, const T *x, const float *stats,
                          const float *weight, const float *bias, const T *residual, bool relu, T *y) {
  each_group<W>(channels, [=](int64_t c) {
    const Normal<W> normal(c, channels, epsilon, stats, weight, bias);
    Pack<T, W> of_x[kRows], of_residual[kRows];
    const auto read = [&](int k, int64_t r) {
      of_x[k] = pack_at<W>(x + r * channels + c);
      if (residual) of_residual[k] = pack_at<W>(residual + r * channels + c);
    };
    each_rows(rows, read, [&](int k, int64_t r) {
      float v[W];
#pragma unroll
      for (int i = 0; i < W; i++) {
        v[i] = normal.at(i, load(of_x[k].element[i]));
        if (residual) v[i] += load(of_residual[k].element[i]);
        if (relu) v[i] = rectify(v[i]);
      }
      store_pack(y + r * channels + c, v);
    });
  });
}

template <typename T>
__device__ __forceinline__ void batch_norm(int64_t rows, int64_t channels, float epsilon, const T *x, const float *stats,
                                           const float *weight, const float *bias, const T *residual, bool relu, T *y) {
  constexpr int W = Wide<T>::elements;
  if (channels % W == 0 && aligned(x) && aligned(residual) && aligned(y))
    return normalize<T, W>(rows, channels, epsilon, x, stats, weight, bias, residual, relu, y);
  normalize<T, 1>(rows, channels, epsilon, x, stats, weight, bias, residual, relu, y);
}

// The first sum is of dy·(x − mean), without the deviation: the total divides by it.
template <typename T, int W>
__device__ void affine_grad_of(int64_t rows, int64_t channels, float epsilon, const T *x, const float *stats,
                               const float *weight, const float *bias, const T *dy, double *partial) {
  sums<W>(channels, partial, [=](int64_t c, float(&sum)[2][W]) {
    const Normal<W> normal(c, channels, epsilon, stats, weight, bias);
    each_row(rows, [&](int64_t r) {
      float v[W], grad[W];
      load_pack(x + r * channels + c, v);
      load_pack(dy + r * channels + c, grad);
#pragma unroll
      for (int i = 0; i < W; i++) {
        const float d = !weight || normal.at(i, v[i]) > 0 ? grad[i] : 0.0f;
        sum[0][i] = fmaf(d, v[i] - normal.mean[i], sum[0][i]);
        sum[1][i] += d;
      }
    });
  });
}

template <typename T>
__device__ __forceinline__ void batch_norm_affine_grad(int64_t rows, int64_t channels, float epsilon, const T *x,
                                                       const float *stats, const float *weight, const float *bias,
                                                       const T *dy, double *partial) {
  constexpr int W = Wide<T>::elements;
  if (channels % W == 0 && aligned(x) && aligned(dy))
    return affine_grad_of<T, W>(rows, channels, epsilon, x, stats, weight, bias, dy, partial);
  affine_grad_of<T, 1>(rows, channels, epsilon, x, stats, weight, bias, dy, partial);
}

template <typename T, int W>
__device__ void masked_affine_grad_of(int64_t rows, int64_t channels, const T *x, const float *stats, const T *y,
                                      const T *dy, T *masked, double *partial) {
  sums<W>(channels, partial, [=](int64_t c, float(&sum)[2][W]) {
    float mean[W];
#pragma unroll
    for (int i = 0; i < W; i++) mean[i] = stats[c + i];
    each_row(rows, [&](int64_t r) {
      const int64_t at = r * channels + c;
      float v[W], out[W], grad[W];
      load_pack(x + at, v);
      load_pack(y + at, out);
      load_pack(dy + at, grad);
#pragma unroll
      for (int i = 0; i < W; i++) {
        grad[i] = out[i] > 0 ? grad[i] : 0.0f;
        sum[0][i] = fmaf(grad[i], v[i] - mean[i], sum[0][i]);
        sum[1][i] += grad[i];
      }
      store_pack(masked + at, grad);
    });
  });
}

template <typename T>
__device__ __forceinline__ void relu_batch_norm_affine_grad(int64_t rows, int64_t channels, const T *x, const float *stats,
                                                            const T *y, const T *dy, T *masked, double *partial) {
  constexpr int W = Wide<T>::elements;
  if (channels % W == 0 && aligned(x) && aligned(y) && aligned(dy) && aligned(masked))
    return masked_affine_grad_of<T, W>(rows, channels, x, stats, y, dy, masked, partial);
  masked_affine_grad_of<T, 1>(rows, channels, x, stats, y, dy, masked, partial);
}

// dx = weight/σ · (dy − dbias/n − x̂·dweight/n), as a linear function of dy and x − mean.
template <typename T, int W>
__device__ void input_grad_of(int64_t rows, int64_t channels, float epsilon, const T *x, const float *stats,
                              const float *weight, const float *bias, const T *dy, const float *affine_grad, T *dx) {
  each_group<W>(channels, [=](int64_t c) {
    const Normal<W> normal(c, channels, epsilon, stats, weight, bias);
    float slope[W], shift[W];
#pragma unroll
    for (int i = 0; i < W; i++) {
      slope[i] = -normal.scale[i] * normal.inverse[i] * (affine_grad[c + i] / float(rows));
      shift[i] = -normal.scale[i] * (affine_grad[channels + c + i] / float(rows));
    }
    Pack<T, W> of_x[kRows], of_dy[kRows];
    const auto read = [&](int k, int64_t r) {
      of_x[k] = pack_at<W>(x + r * channels + c);
      of_dy[k] = pack_at<W>(dy + r * channels + c);
    };
    each_rows(rows, read, [&](int k, int64_t r) {
      float v[W];
#pragma unroll
      for (int i = 0; i < W; i++) {
        v[i] = load(of_x[k].element[i]);
        const float d = !bias || normal.at(i, v[i]) > 0 ? load(of_dy[k].element[i]) : 0.0f;
        v[i] = fmaf(d, normal.scale[i], fmaf(v[i] - normal.mean[i], slope[i], shift[i]));
      }
      store_pack(dx + r * channels + c, v);
    });
  });
}

template <typename T>
__device__ __forceinline__ void batch_norm_input_grad(int64_t rows, int64_t channels, float epsilon, const T *x,
                                                      const float *stats, const float *weight, const float *bias,
                                                      const T *dy, const float *affine_grad, T *dx) {
  constexpr int W = Wide<T>::elements;
  if (channels % W == 0 && aligned(x) && aligned(dy) && aligned(dx))
    return input_grad_of<T, W>(rows, channels, epsilon, x, stats, weight, bias, dy, affine_grad, dx);
  input_grad_of<T, 1>(rows, channels, epsilon, x, stats, weight, bias, dy, affine_grad, dx);
}

// There are thousands of tiles, and few channels where there are most: so fewer channels are side by side.
constexpr int kTilesAcross = 8, kTileLanes = 128;

}  // namespace

extern "C" __global__ void __launch_bounds__(kTilesAcross * kTileLanes)
    batch_stats_of_tiles(int64_t rows, int64_t channels, int64_t tile, const float *tiles, float *stats) {
  // Relative to the mean of the first tile, as the statistics of each tile are to its own.
  const auto add = [=](int64_t c, int64_t part, double *sum) {
    const double count = double(min(tile, rows - part * tile));
    const double d = double(tiles[part * 2 * channels + c]) - double(tiles[c]);
    sum[0] += count * d;
    sum[1] += double(tiles[(part * 2 + 1) * channels + c]) + count * d * d;
  };
  join<kTilesAcross, kTileLanes>(channels, (rows + tile - 1) / tile, add, [=](int64_t c, const double *sum) {
    const double offset = sum[0] / double(rows), square = sum[1] / double(rows) - offset * offset;
    stats[c] = float(double(tiles[c]) + offset);
    stats[channels + c] = float(square < 0 ? 0 : square);  // NaN stays NaN
  });
}
EXPORT(batch_stats_of_tiles)

extern "C" __global__ void __launch_bounds__(32 * kLanes) batch_norm_affine_grad_total(int64_t channels, int64_t slabs,
                                                                                     float epsilon, const float *stats,
                                                                                     const double *partial, float *grad) {
  total(channels, slabs, partial, [=](int64_t c, const double *sum) {
    grad[c] = float(sum[0] / sqrt(double(stats[channels + c]) + double(epsilon)));
    grad[channels + c] = float(sum[1]);
  });
}
EXPORT(batch_norm_affine_grad_total)

// The kernels of one element type.
#define BATCH_NORM(type, T)                                                                                              \
  extern "C" __global__ void __launch_bounds__(kThreads, 3)                                                                 \
      batch_stats_##type(int64_t rows, int64_t channels, const T *x, double *partial) {                                  \
    batch_stats(rows, channels, x, partial);                                                                             \
  }                                                                                                                      \
  EXPORT(batch_stats_##type)                                                                                             \
  extern "C" __global__ void __launch_bounds__(32 * kLanes)                                                              \
      batch_stats_total_##type(int64_t rows, int64_t channels, int64_t slabs, const T *x, const double *partial,         \
                               float *stats, float *mean, float *variance) {                                             \
    batch_stats_total(rows, channels, slabs, x, partial, stats, mean, variance);                                         \
  }                                                                                                                      \
  EXPORT(batch_stats_total_##type)                                                                                       \
  extern "C" __global__ void __launch_bounds__(kThreads, 3)                                                                 \
      batch_norm_##type(int64_t rows, int64_t channels, float epsilon, const T *x, const float *stats,                   \
                        const float *weight, const float *bias, const T *residual, int relu, T *y) {                     \
    batch_norm(rows, channels, epsilon, x, stats, weight, bias, residual, relu != 0, y);                                 \
  }                                                                                                                      \
  EXPORT(batch_norm_##type)                                                                                              \
  extern "C" __global__ void __launch_bounds__(kThreads, 3) batch_norm_affine_grad_##type(                                  \
      int64_t rows, int64_t channels, float epsilon, const T *x, const float *stats, const float *weight,                \
      const float *bias, const T *dy, double *partial) {                                                                 \
    batch_norm_affine_grad(rows, channels, epsilon, x, stats, weight, bias, dy, partial);                                \
  }                                                                                                                      \
  EXPORT(batch_norm_affine_grad_##type)                                                                                  \
  extern "C" __global__ void __launch_bounds__(kThreads, 3)                                                                 \
      relu_batch_norm_affine_grad_##type(int64_t rows, int64_t channels, const T *x, const float *stats, const T *y,     \
                                         const T *dy, T *masked, double *partial) {                                      \
    relu_batch_norm_affine_grad(rows, channels, x, stats, y, dy, masked, partial);                                       \
  }                                                                                                                      \
  EXPORT(relu_batch_norm_affine_grad_##type)                                                                             \
  extern "C" __global__ void __launch_bounds__(kThreads, 3)                                                                 \
      batch_norm_input_grad_##type(int64_t rows, int64_t channels, float epsilon, const T *x, const float *stats,        \
                                   const float *weight, const float *bias, const T *dy, const float *affine_grad,        \
                                   T *dx) {                                                                              \
    batch_norm_input_grad(rows, channels, epsilon, x, stats, weight, bias, dy, affine_grad, dx);                         \
  }                                                                                                                      \
  EXPORT(batch_norm_input_grad_##type)

BATCH_NORM(float32, float)
BATCH_NORM(bfloat16, __nv_bfloat16)
