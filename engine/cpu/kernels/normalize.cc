// Rows of unit length for SimCLR, columns of mean 0 and unit length for Barlow Twins, with their gradients. Sums are
// float64: the matrices are small beside the network's activations.
#include <cmath>

#include "bridge.h"
#include "columns.h"
#include "lanes.h"
#include "loops.h"

namespace twinview {
namespace {

constexpr double kNormFloor = 1e-12;  // model.NormFloor

// std::max returns its first argument where the comparison fails: NaN stays NaN.
double inverse_norm(double norm) { return 1.0 / std::max(norm, kNormFloor); }

TV_CLONES void normalize_rows(int64_t rows, int64_t width, const float *x, float *y) {
  for (int64_t r = 0; r < rows; r++, x += width, y += width) {
    const double inverse = inverse_norm(std::sqrt(dot(width, x, x)));
    for (int64_t c = 0; c < width; c++) y[c] = float(x[c] * inverse);
  }
}

TV_CLONES void normalize_rows_grad(int64_t rows, int64_t width, const float *x, const float *y, const float *dy,
                                   float *dx) {
  for (int64_t r = 0; r < rows; r++, x += width, y += width, dy += width, dx += width) {
    const double norm = std::sqrt(dot(width, x, x)), inverse = inverse_norm(norm);
    const double along = norm < kNormFloor ? 0.0 : dot(width, y, dy);
    for (int64_t c = 0; c < width; c++) dx[c] = float((dy[c] - y[c] * along) * inverse);
  }
}

TV_CLONES void mean_of_columns(block_of_columns b, const float *x, double *mean) {
  for (int64_t c = 0; c < kColumns; c++) mean[c] = 0;
  for (int64_t r = 0; r < b.rows; r++, x += b.stride)
    for (int64_t c = 0; c < b.width; c++) mean[c] += x[c];
  for (int64_t c = 0; c < kColumns; c++) mean[c] /= double(b.rows);
}

TV_CLONES void norm_of_columns(block_of_columns b, const float *x, const double *mean, double *norm) {
  for (int64_t c = 0; c < kColumns; c++) norm[c] = 0;
  for (int64_t r = 0; r < b.rows; r++, x += b.stride)
    for (int64_t c = 0; c < b.width; c++) {
      const double d = x[c] - mean[c];
      norm[c] += d * d;
    }
  for (int64_t c = 0; c < kColumns; c++) norm[c] = std::sqrt(norm[c]);
}

TV_CLONES void centre_and_scale(block_of_columns b, const float *x, const double *mean, const double *scale, float *y) {
  for (int64_t r = 0; r < b.rows; r++, x += b.stride, y += b.stride)
    for (int64_t c = 0; c < b.width; c++) y[c] = float((x[c] - mean[c]) * scale[c]);
}

TV_CLONES void centre_and_scale_grad(block_of_columns b, const float *y, const float *dy, const double *mean,
                                     const double *along, const double *scale, float *dx) {
  for (int64_t r = 0; r < b.rows; r++, y += b.stride, dy += b.stride, dx += b.stride)
    for (int64_t c = 0; c < b.width; c++) dx[c] = float((dy[c] - mean[c] - y[c] * along[c]) * scale[c]);
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" void tv_l2_normalize(int64_t rows, int64_t width, const float *x, float *y) {
  for_blocks(rows, width, [=](int64_t, int64_t first, int64_t last) {
    normalize_rows(last - first, width, x + first * width, y + first * width);
  });
}

extern "C" void tv_l2_normalize_grad(int64_t rows, int64_t width, const float *x, const float *y, const float *dy,
                                     float *dx) {
  for_blocks(rows, width, [=](int64_t, int64_t first, int64_t last) {
    const int64_t at = first * width;
    normalize_rows_grad(last - first, width, x + at, y + at, dy + at, dx + at);
  });
}

extern "C" void tv_standardize(int64_t rows, int64_t columns, const float *x, float *y) {
  for_columns(rows, columns, [=](block_of_columns b, int64_t at) {
    double mean[kColumns], norm[kColumns], scale[kColumns];
    mean_of_columns(b, x + at, mean);
    norm_of_columns(b, x + at, mean, norm);
    for (int64_t c = 0; c < kColumns; c++) scale[c] = inverse_norm(norm[c]);
    centre_and_scale(b, x + at, mean, scale, y + at);
  });
}

extern "C" void tv_standardize_grad(int64_t rows, int64_t columns, const float *x, const float *y, const float *dy,
                                    float *dx) {
  for_columns(rows, columns, [=](block_of_columns b, int64_t at) {
    double mean[kColumns], norm[kColumns], along[kColumns], scale[kColumns];
    mean_of_columns(b, x + at, mean);
    norm_of_columns(b, x + at, mean, norm);
    mean_of_columns(b, dy + at, mean);
    product_of_columns(b, y + at, dy + at, along);
    for (int64_t c = 0; c < kColumns; c++) {
      scale[c] = inverse_norm(norm[c]);
      if (norm[c] < kNormFloor) along[c] = 0;
    }
    centre_and_scale_grad(b, y + at, dy + at, mean, along, scale, dx + at);
  });
}

extern "C" void tv_rows_grad(int64_t offset, int64_t n, int64_t total, const float *dy, float *dx) {
  std::fill(dx, dx + offset, 0.0f);
  std::copy(dy, dy + n, dx + offset);
  std::fill(dx + offset + n, dx + total, 0.0f);
}
