#include <cmath>
#include <vector>

#include "bridge.h"
#include "loops.h"

namespace twinview {
namespace {

// Sums over a block of rows in float32; the caller adds up blocks in float64. The values are taken relative to an origin
// close to the mean, since the variance of a channel far from 0 would drown in the rounding of its squares.
TV_CLONES void sum_squares(int64_t rows, int64_t channels, const float *x, const float *origin, float *sum,
                           float *square) {
  for (int64_t r = 0; r < rows; r++, x += channels)
    for (int64_t c = 0; c < channels; c++) {
      const float d = x[c] - origin[c];
      sum[c] += d;
      square[c] += d * d;
    }
}

TV_CLONES void sum_products(int64_t rows, int64_t channels, const float *x, const float *mean, const float *dy,
                            float *product, float *sum) {
  for (int64_t r = 0; r < rows; r++, x += channels, dy += channels)
    for (int64_t c = 0; c < channels; c++) {
      product[c] += dy[c] * (x[c] - mean[c]);
      sum[c] += dy[c];
    }
}

TV_CLONES void sum_rows(int64_t rows, int64_t channels, const float *x, float *sum) {
  for (int64_t r = 0; r < rows; r++, x += channels)
    for (int64_t c = 0; c < channels; c++) sum[c] += x[c];
}

TV_CLONES void affine(int64_t rows, int64_t channels, const float *x, const float *scale, const float *shift,
                      float *y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels)
    for (int64_t c = 0; c < channels; c++) y[c] = x[c] * scale[c] + shift[c];
}

TV_CLONES void affine_relu(int64_t rows, int64_t channels, const float *x, const float *scale, const float *shift,
                           float *y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels)
    for (int64_t c = 0; c < channels; c++) {
      const float v = x[c] * scale[c] + shift[c];
      y[c] = v < 0 ? 0 : v;  // NaN stays NaN
    }
}

TV_CLONES void affine_add(int64_t rows, int64_t channels, const float *x, const float *scale, const float *shift,
                          const float *residual, float *y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels, residual += channels)
    for (int64_t c = 0; c < channels; c++) y[c] = x[c] * scale[c] + shift[c] + residual[c];
}

TV_CLONES void affine_add_relu(int64_t rows, int64_t channels, const float *x, const float *scale, const float *shift,
                               const float *residual, float *y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels, residual += channels)
    for (int64_t c = 0; c < channels; c++) {
      const float v = x[c] * scale[c] + shift[c] + residual[c];
      y[c] = v < 0 ? 0 : v;  // NaN stays NaN
    }
}

TV_CLONES void input_grad(int64_t rows, int64_t channels, const float *x, const float *dy, const float *scale,
                          const float *slope, const float *shift, float *dx) {
  for (int64_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels)
    for (int64_t c = 0; c < channels; c++) dx[c] = dy[c] * scale[c] + x[c] * slope[c] + shift[c];
}

// reduce adds up `sums` sums per channel: body fills float32 sums of a block, scratch holds them as float64, and total is
// called with the final sums. The blocks are added in their order, whatever thread made them.
template <typename Body, typename Total>
void reduce(int64_t rows, int64_t channels, int64_t sums, double *scratch, Body body, Total total) {
  const int64_t width = sums * channels;
  for_blocks(rows, channels, [&](int64_t block, int64_t first, int64_t last) {
    static thread_local std::vector<float> partial;
    partial.assign(width, 0.0f);
    body(first, last - first, partial.data());
    std::copy(partial.begin(), partial.end(), scratch + block * width);
  });
  const int64_t blocks = block_count(rows, channels);
  for (int64_t block = 1; block < blocks; block++)
    for (int64_t i = 0; i < width; i++) scratch[i] += scratch[block * width + i];
  for (int64_t c = 0; c < channels; c++) total(c, scratch + c);
}

float inverse_deviation(float variance, double epsilon) { return float(1.0 / std::sqrt(variance + epsilon)); }

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" size_t tv_reduction_scratch(int64_t rows, int64_t channels) {
  return 2 * channels * block_count(rows, channels);
}

extern "C" void tv_batch_stats(int64_t rows, int64_t channels, const float *x, double *scratch, float *stats) {
  reduce(
      rows, channels, 2, scratch,
      [=](int64_t first, int64_t n, float *partial) {
        sum_squares(n, channels, x + first * channels, x, partial, partial + channels);
      },
      [=](int64_t c, const double *sum) {
        const double offset = sum[0] / rows;
        stats[c] = float(x[c] + offset);
        // In this order NaN stays NaN.
        stats[channels + c] = float(std::max(sum[channels] / rows - offset * offset, 0.0));
      });
}

extern "C" void tv_batch_norm(int64_t rows, int64_t channels, double epsilon, const float *x, const float *stats,
                              const float *weight, const float *bias, const float *residual, int relu, float *y) {
  std::vector<float> scale(channels), shift(channels);
  for (int64_t c = 0; c < channels; c++) {
    scale[c] = weight[c] * inverse_deviation(stats[channels + c], epsilon);
    shift[c] = bias[c] - stats[c] * scale[c];
  }
  for_blocks(rows, channels, [&](int64_t, int64_t first, int64_t last) {
    const int64_t n = last - first, at = first * channels;
    const float *a = scale.data(), *b = shift.data();
    if (residual && relu) return affine_add_relu(n, channels, x + at, a, b, residual + at, y + at);
    if (residual) return affine_add(n, channels, x + at, a, b, residual + at, y + at);
    if (relu) return affine_relu(n, channels, x + at, a, b, y + at);
    affine(n, channels, x + at, a, b, y + at);
  });
}

extern "C" void tv_batch_norm_affine_grad(int64_t rows, int64_t channels, double epsilon, const float *x,
                                          const float *stats, const float *dy, double *scratch, float *grad) {
  reduce(
      rows, channels, 2, scratch,
      [=](int64_t first, int64_t n, float *partial) {
        const int64_t at = first * channels;
        sum_products(n, channels, x + at, stats, dy + at, partial, partial + channels);
      },
      [=](int64_t c, const double *sum) {
        grad[c] = float(sum[0] * inverse_deviation(stats[channels + c], epsilon));
        grad[channels + c] = float(sum[channels]);
      });
}

// dx = w/σ · (dy − db/n − x̂ · dw/n), written as one linear function of dy and x.
extern "C" void tv_batch_norm_input_grad(int64_t rows, int64_t channels, double epsilon, const float *x,
                                         const float *stats, const float *weight, const float *dy,
                                         const float *affine_grad, float *dx) {
  std::vector<float> scale(channels), slope(channels), shift(channels);
  for (int64_t c = 0; c < channels; c++) {
    const double inverse = inverse_deviation(stats[channels + c], epsilon), factor = weight[c] * inverse;
    const double slope_c = -factor * inverse * affine_grad[c] / rows;
    scale[c] = float(factor);
    slope[c] = float(slope_c);
    shift[c] = float(-factor * affine_grad[channels + c] / rows - slope_c * stats[c]);
  }
  for_blocks(rows, channels, [&](int64_t, int64_t first, int64_t last) {
    const int64_t at = first * channels;
    input_grad(last - first, channels, x + at, dy + at, scale.data(), slope.data(), shift.data(), dx + at);
  });
}

extern "C" void tv_column_sum(int64_t rows, int64_t channels, const float *x, double *scratch, float *sum) {
  reduce(
      rows, channels, 1, scratch,
      [=](int64_t first, int64_t n, float *partial) { sum_rows(n, channels, x + first * channels, partial); },
      [=](int64_t c, const double *total) { sum[c] = float(total[0]); });
}
