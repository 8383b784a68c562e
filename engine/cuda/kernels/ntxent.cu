// NT-Xent (Chen et al. 2020, eq. 1; with several positives Khosla et al. 2020, eq. 2) as model.NTXent has it, on z [views, dim]
// with rows of unit length, float32; those whose distance is a multiple of images are of one image. Sizes are int64, temperature
// is float.
//
//   ntxent_rows        (views, dim, temperature, z, partial)                               grid NTXent
//   ntxent_total       (views, images, dim, splits, temperature, z, partial, softmax,      grid Rows
//                       losses)
//   mean               (views, losses, loss)                                               grid Single
//   ntxent_grad        (views, images, dim, temperature, z, softmax, dloss, partial)       grid NTXentGrad
//   add_parts          (views·dim, splits, partial, dz), of matmul.cu                      grid Elementwise
//
// splits is how many parts the keys are divided into, the launch's Parts. Between the kernels are, in float32, the partial
// softmaxes [splits, 2, views], softmax [2, views], the partial gradients [splits, views, dim], and in float64 losses [views]. The
// gradient needs what ntxent_total left in softmax.
//
// A block compares 64 anchors with all keys of its split, 64 at a time: nothing of size [views, views] is ever in memory. A thread
// keeps the softmax of its own keys as it goes, so the threads of a row meet only at the end. The gradient computes the
// similarities again, as flash attention does, since now all softmaxes are known.
#include "reduce.h"
#include "tile.h"

namespace {

// A softmax over similarities s is exp((s − greatest)/τ) / total.
struct Softmax {
  float greatest = -INFINITY, total = 0;
};

// join is the softmax of both parts. NaN is never the greatest, but it makes the total NaN.
__device__ __forceinline__ Softmax join(Softmax a, Softmax b, float factor) {
  Softmax both;
  both.greatest = b.greatest > a.greatest ? b.greatest : a.greatest;
  if (both.greatest == -INFINITY) {
    both.total = a.total + b.total;
    return both;
  }
  both.total = a.total * expf((a.greatest - both.greatest) * factor) + b.total * expf((b.greatest - both.greatest) * factor);
  return both;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kTileThreads, 2)
    ntxent_rows(int64_t views, int64_t dim, float temperature, const float *z, float *partial) {
  __shared__ Slices slices;
  const int64_t top = int64_t(blockIdx.x) * kTile;
  const float factor = 1.0f / temperature;
  Softmax softmax[kTileEach];
  const Range keys = part_of(views, kTile, blockIdx.y, gridDim.y);  // of this block's split, in whole tiles
  for (int64_t left = keys.first; left < keys.last; left += kTile) {
    float similarity[kTileEach][kTileEach] = {};
    add_tile(slices, z, false, top, views, z, false, left, views, dim, {0, dim}, similarity);
#pragma unroll
    for (int i = 0; i < kTileEach; i++) {
      const int64_t anchor = top + tile_row() + i;
      Softmax here;
#pragma unroll
      for (int j = 0; j < kTileEach; j++) {
        const int64_t key = left + tile_column() + j;
        if (key >= keys.last || key == anchor) similarity[i][j] = -INFINITY;
        here.greatest = similarity[i][j] > here.greatest ? similarity[i][j] : here.greatest;
      }
#pragma unroll
      for (int j = 0; j < kTileEach; j++)
        if (similarity[i][j] != -INFINITY) here.total += expf((similarity[i][j] - here.greatest) * factor);
      softmax[i] = join(softmax[i], here, factor);
    }
  }
  // The 16 threads of a row are half a warp.
#pragma unroll
  for (int i = 0; i < kTileEach; i++) {
#pragma unroll
    for (int lanes = 8; lanes > 0; lanes /= 2) {
      Softmax other;
      other.greatest = __shfl_xor_sync(0xffffffffu, softmax[i].greatest, lanes);
      other.total = __shfl_xor_sync(0xffffffffu, softmax[i].total, lanes);
      softmax[i] = join(softmax[i], other, factor);
    }
    const int64_t anchor = top + tile_row() + i;
    if (tile_column() > 0 || anchor >= views) continue;
    partial[(2 * int64_t(blockIdx.y)) * views + anchor] = softmax[i].greatest;
    partial[(2 * int64_t(blockIdx.y) + 1) * views + anchor] = softmax[i].total;
  }
}
EXPORT(ntxent_rows)

// A warp takes an anchor: it joins the splits in their order and compares the anchor with its positives.
extern "C" __global__ void ntxent_total(int64_t views, int64_t images, int64_t dim, int64_t splits, float temperature,
                                        const float *z, const float *partial, float *softmax, double *losses) {
  const int lane = threadIdx.x % 32;
  const double others = double(views / images - 1);
  for (int64_t i = thread_of_grid() / 32; i < views; i += threads_of_grid() / 32) {
    Softmax s;
    for (int64_t split = 0; split < splits; split++) {
      Softmax more;
      more.greatest = partial[2 * split * views + i];
      more.total = partial[(2 * split + 1) * views + i];
      s = join(s, more, 1.0f / temperature);
    }
    double positive = 0;
    for (int64_t k = i % images; k < views; k += images) {
      if (k == i) continue;
      for (int64_t d = lane; d < dim; d += 32) positive += double(z[i * dim + d]) * double(z[k * dim + d]);
    }
    positive = warp_sum(positive);
    if (lane > 0) continue;
    softmax[i] = s.greatest;
    softmax[views + i] = s.total;
    losses[i] = log(double(s.total)) + (double(s.greatest) - positive / others) / double(temperature);
  }
}
EXPORT(ntxent_total)

// With P_ik the softmax over k ≠ i and Y_ik a share of 1 for each positive, dz = dloss / (views·τ) · (G + Gᵀ)·z, G = P − Y: s_ik
// stands in the softmax of anchor i and, as s_ki, in that of anchor k. A block makes 64 columns of dz of 64 anchors from the keys
// of its split.
extern "C" __global__ void __launch_bounds__(kTileThreads, 2)
    ntxent_grad(int64_t views, int64_t images, int64_t dim, float temperature, const float *z, const float *softmax,
                const float *dloss, float *partial) {
  __shared__ Slices slices;
  __shared__ Slice<kTile> coefficients, of_keys;
  const int64_t top = int64_t(blockIdx.x) * kTile, chunk = int64_t(blockIdx.z) * kTile;
  const float factor = 1.0f / temperature, scale = *dloss / (temperature * float(views));
  const float pull = 2 * scale / float(views / images - 1);
  float origin[kTileEach], share[kTileEach], dz[kTileEach][kTileEach] = {};
#pragma unroll
  for (int i = 0; i < kTileEach; i++) {
    const int64_t anchor = min(top + tile_row() + i, views - 1);
    origin[i] = softmax[anchor];
    share[i] = 1.0f / softmax[views + anchor];
  }
  const Range keys = part_of(views, kTile, blockIdx.y, gridDim.y);  // of this block's split, in whole tiles
  for (int64_t left = keys.first; left < keys.last; left += kTile) {
    float similarity[kTileEach][kTileEach] = {};
    add_tile(slices, z, false, top, views, z, false, left, views, dim, {0, dim}, similarity);
#pragma unroll
    for (int j = 0; j < kTileEach; j++) {
      const int64_t key = left + tile_column() + j, of_key = min(key, views - 1);
      const float key_origin = softmax[of_key], key_share = 1.0f / softmax[views + of_key];
#pragma unroll
      for (int i = 0; i < kTileEach; i++) {
        const int64_t anchor = top + tile_row() + i;
        const float s = similarity[i][j];
        float g = scale * (expf((s - origin[i]) * factor) * share[i] + expf((s - key_origin) * factor) * key_share);
        if (anchor % images == key % images) g -= pull;
        coefficients.value[tile_column() + j][tile_row() + i] = key >= keys.last || anchor >= views || key == anchor ? 0.0f : g;
      }
    }
    take(of_keys, z, true, chunk, dim, left, views);
    __syncthreads();
    add_products(coefficients, of_keys, dz);
    __syncthreads();
  }
  for (int i = 0; i < kTileEach; i++)
    for (int j = 0; j < kTileEach; j++) {
      const int64_t anchor = top + tile_row() + i, d = chunk + tile_column() + j;
      if (anchor < views && d < dim) partial[(int64_t(blockIdx.y) * views + anchor) * dim + d] = dz[i][j];
    }
}
EXPORT(ntxent_grad)
