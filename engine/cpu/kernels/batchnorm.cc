#include "batchnorm.h"
#include "bfloat16.h"
#include "bridge.h"
#include "loops.h"

namespace twinview {
namespace {

// Sums over a block of rows in float32; the caller adds up blocks in float64. The values are taken relative to an origin
// close to the mean, since the variance of a channel far from 0 would drown in the rounding of its squares.
template <typename T>
TV_CLONES void sum_squares(int64_t rows, int64_t channels, const T *x, const T *origin, float *sum, float *square) {
  for (int64_t r = 0; r < rows; r++, x += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) {
      const float d = load(x[c]) - load(origin[c]);
      sum[c] += d;
      square[c] += d * d;
    }
}

template <typename T>
TV_CLONES void sum_rows(int64_t rows, int64_t channels, const T *x, float *sum) {
  for (int64_t r = 0; r < rows; r++, x += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) sum[c] += load(x[c]);
}

template <typename T, bool relu>
TV_CLONES void affine(int64_t rows, int64_t channels, const T *x, const float *scale, const float *shift, T *y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) {
      const float v = load(x[c]) * scale[c] + shift[c];
      store(&y[c], relu && v < 0 ? 0 : v);  // NaN stays NaN
    }
}

template <typename T, bool relu>
TV_CLONES void affine_add(int64_t rows, int64_t channels, const T *x, const float *scale, const float *shift,
                          const T *residual, T *y) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels, residual += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) {
      const float v = load(x[c]) * scale[c] + shift[c] + load(residual[c]);
      store(&y[c], relu && v < 0 ? 0 : v);  // NaN stays NaN
    }
}

// What tells where a ReLU behind the batch norm let nothing through. (A mask that reads what it masks may not look at
// what the loop writes: the loops below read all before they write.)
struct open {  // there was no ReLU
  template <typename T>
  inline __attribute__((always_inline)) bool operator()(T, int64_t) const {
    return true;
  }
};
struct recomputed {  // the batch norm's result, found from x again: cheaper than reading it
  const float *scale, *shift;
  template <typename T>
  inline __attribute__((always_inline)) bool operator()(T x, int64_t c) const {
    return load(x) * scale[c] + shift[c] > 0;
  }
};

template <typename T, typename Mask>
TV_CLONES void sum_products(int64_t rows, int64_t channels, const T *x, const float *mean, Mask mask, const T *dy,
                            float *product, float *sum) {
  for (int64_t r = 0; r < rows; r++, x += channels, dy += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) {
      const float grad = load(dy[c]), d = mask(x[c], c) ? grad : 0;
      product[c] += d * (load(x[c]) - mean[c]);
      sum[c] += d;
    }
}

// Masks dy by the ReLU's result y on the way, for those that need the masked gradient too.
template <typename T>
TV_CLONES void mask_sum_products(int64_t rows, int64_t channels, const T *x, const float *mean, const T *y, const T *dy,
                                 T *masked, float *product, float *sum) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels, dy += channels, masked += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) {
      const float grad = load(dy[c]), d = load(y[c]) > 0 ? grad : 0;
      store(&masked[c], d);
      product[c] += d * (load(x[c]) - mean[c]);
      sum[c] += d;
    }
}

template <typename T, typename Mask>
TV_CLONES void input_grad(int64_t rows, int64_t channels, const T *x, Mask mask, const T *dy, const float *scale,
                          const float *slope, const float *shift, T *dx) {
  for (int64_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels)
    TV_INDEPENDENT
    for (int64_t c = 0; c < channels; c++) {
      const float grad = load(dy[c]), d = mask(x[c], c) ? grad : 0;
      store(&dx[c], d * scale[c] + load(x[c]) * slope[c] + shift[c]);
    }
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

template <typename T>
void batch_stats(int64_t rows, int64_t channels, const T *x, double *scratch, float *stats) {
  reduce(
      rows, channels, 2, scratch,
      [=](int64_t first, int64_t n, float *partial) {
        sum_squares(n, channels, x + first * channels, x, partial, partial + channels);
      },
      [=](int64_t c, const double *sum) {
        const double offset = sum[0] / rows;
        stats[c] = float(load(x[c]) + offset);
        // In this order NaN stays NaN.
        stats[channels + c] = float(std::max(sum[channels] / rows - offset * offset, 0.0));
      });
}

template <typename T>
void batch_norm(int64_t rows, int64_t channels, const Line &l, const T *x, const T *residual, bool relu, T *y) {
  for_blocks(rows, channels, [&](int64_t, int64_t first, int64_t last) {
    const int64_t n = last - first, at = first * channels;
    const float *a = l.scale.data(), *b = l.shift.data();
    if (residual && relu) return affine_add<T, true>(n, channels, x + at, a, b, residual + at, y + at);
    if (residual) return affine_add<T, false>(n, channels, x + at, a, b, residual + at, y + at);
    if (relu) return affine<T, true>(n, channels, x + at, a, b, y + at);
    affine<T, false>(n, channels, x + at, a, b, y + at);
  });
}

// body sums a block as sum_products does.
template <typename Body>
void affine_grad(int64_t rows, int64_t channels, double epsilon, const float *stats, double *scratch, float *grad,
                 Body body) {
  reduce(
      rows, channels, 2, scratch,
      [=](int64_t first, int64_t n, float *partial) { body(first * channels, n, partial, partial + channels); },
      [=](int64_t c, const double *sum) {
        grad[c] = float(sum[0] * inverse_deviation(stats[channels + c], epsilon));
        grad[channels + c] = float(sum[channels]);
      });
}

// dx = w/σ · (dy − db/n − x̂ · dw/n), written as one linear function of dy and x.
template <typename T, typename Mask>
void batch_norm_input_grad(int64_t rows, int64_t channels, double epsilon, const T *x, const float *stats,
                           const float *weight, Mask mask, const T *dy, const float *affine_grad, T *dx) {
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
    input_grad(last - first, channels, x + at, mask, dy + at, scale.data(), slope.data(), shift.data(), dx + at);
  });
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" size_t tv_reduction_scratch(int64_t rows, int64_t channels) {
  return 2 * channels * block_count(rows, channels);
}

extern "C" void tv_batch_stats(enum tv_precision precision, int64_t rows, int64_t channels, const void *x,
                               double *scratch, float *stats) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    batch_stats(rows, channels, static_cast<const T *>(x), scratch, stats);
  });
}

extern "C" void tv_batch_norm(enum tv_precision precision, int64_t rows, int64_t channels, double epsilon,
                              const void *x, const float *stats, const float *weight, const float *bias,
                              const void *residual, int relu, void *y) {
  const Line l(channels, epsilon, stats, weight, bias);
  with_elements(precision, [&](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    batch_norm(rows, channels, l, static_cast<const T *>(x), static_cast<const T *>(residual), relu,
               static_cast<T *>(y));
  });
}

extern "C" void tv_batch_norm_affine_grad(enum tv_precision precision, int64_t rows, int64_t channels, double epsilon,
                                          const void *x, const float *stats, const float *weight, const float *bias,
                                          const void *dy, double *scratch, float *grad) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    const T *xs = static_cast<const T *>(x), *dys = static_cast<const T *>(dy);
    const auto sums = [=](auto mask) {
      affine_grad(rows, channels, epsilon, stats, scratch, grad,
                  [=](int64_t at, int64_t n, float *product, float *sum) {
                    sum_products(n, channels, xs + at, stats, mask, dys + at, product, sum);
                  });
    };
    if (!weight) return sums(open());
    const Line l(channels, epsilon, stats, weight, bias);
    sums(recomputed{l.scale.data(), l.shift.data()});
  });
}

extern "C" void tv_relu_batch_norm_affine_grad(enum tv_precision precision, int64_t rows, int64_t channels,
                                               double epsilon, const void *x, const float *stats, const void *y,
                                               const void *dy, double *scratch, void *masked, float *grad) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    const T *xs = static_cast<const T *>(x), *ys = static_cast<const T *>(y), *dys = static_cast<const T *>(dy);
    T *to = static_cast<T *>(masked);
    affine_grad(rows, channels, epsilon, stats, scratch, grad,
                [=](int64_t at, int64_t n, float *product, float *sum) {
                  mask_sum_products(n, channels, xs + at, stats, ys + at, dys + at, to + at, product, sum);
                });
  });
}

extern "C" void tv_batch_norm_input_grad(enum tv_precision precision, int64_t rows, int64_t channels, double epsilon,
                                         const void *x, const float *stats, const float *weight, const float *bias,
                                         const void *dy, const float *affine_grad, void *dx) {
  with_elements(precision, [=](auto *element) {
    using T = std::remove_reference_t<decltype(*element)>;
    const auto grad = [=](auto mask) {
      batch_norm_input_grad(rows, channels, epsilon, static_cast<const T *>(x), stats, weight, mask,
                            static_cast<const T *>(dy), affine_grad, static_cast<T *>(dx));
    };
    if (!bias) return grad(open());
    const Line l(channels, epsilon, stats, weight, bias);
    grad(recomputed{l.scale.data(), l.shift.data()});
  });
}

extern "C" void tv_column_sum(int64_t rows, int64_t channels, const float *x, double *scratch, float *sum) {
  reduce(
      rows, channels, 1, scratch,
      [=](int64_t first, int64_t n, float *partial) { sum_rows(n, channels, x + first * channels, partial); },
      [=](int64_t c, const double *total) { sum[c] = float(total[0]); });
}
