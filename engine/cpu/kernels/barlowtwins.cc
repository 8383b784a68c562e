// The loss of Barlow Twins (Zbontar et al. 2021, eq. 1) on a and b [rows, width] with columns of unit length. Their correlation
// matrix C = aᵀ·b, 8,192² for the paper's projector, is never in memory, and seldom computed (Garrido et al. 2022): the sum of
// its squares is that of (a·aᵀ)∘(b·bᵀ), which are [rows, rows], and its gradient b·bᵀ·a may be multiplied from either side.
// Whichever of both is smaller is made in strips that stay in the cache. A strip's size is fixed and each strip is one thread's,
// so that the number of threads changes nothing.
#include <atomic>
#include <vector>

#include "bridge.h"
#include "columns.h"
#include "lanes.h"
#include "matmul.h"

namespace twinview {
namespace {

constexpr int64_t kStrip = 64;

// for_strips calls body(first row, number of rows, memory for `room` elements for each of them) for every strip of a matrix of that
// many rows; body may return a message, and it returns one of them. Strips differ in work, so threads take them as they are free.
template <typename Body>
const char *for_strips(int64_t rows, int64_t room, Body body) {
  std::atomic<const char *> message{nullptr};
#pragma omp parallel for schedule(dynamic)
  for (int64_t first = 0; first < rows; first += kStrip) {
    static thread_local std::vector<float> strip;
    strip.resize(kStrip * room);
    const char *failure = body(first, std::min(kStrip, rows - first), strip.data());
    if (failure) message = failure;
  }
  return message;
}

// The diagonal of C.
std::vector<double> diagonal(int64_t rows, int64_t width, const float *a, const float *b) {
  std::vector<double> c(width);
  for_columns(rows, width, [&](block_of_columns block, int64_t at) {
    double product[kColumns];
    product_of_columns(block, a + at, b + at, product);
    std::copy(product, product + block.width, c.begin() + at);
  });
  return c;
}

TV_CLONES double inner_product(int64_t n, const float *x, const float *y) { return dot(n, x, y); }

// A strip of a·aᵀ and of b·bᵀ is made of its columns from the diagonal on, since both are symmetric.
const char *squares_by_rows(int64_t rows, int64_t width, const float *a, const float *b, double *sums) {
  return for_strips(rows, 2 * rows, [=](int64_t first, int64_t n, float *strip) -> const char * {
    const int64_t columns = rows - first;
    float *of_a = strip, *of_b = strip + n * columns;
    const matrix top{a + first * width, width}, left{a + first * width, width, true};
    if (const char *failure = multiply(n, columns, width, top, left, of_a, columns)) return failure;
    const matrix top_b{b + first * width, width}, left_b{b + first * width, width, true};
    if (const char *failure = multiply(n, columns, width, top_b, left_b, of_b, columns)) return failure;
    for (int64_t i = 0; i < n; i++, of_a += columns, of_b += columns)
      sums[first + i] = inner_product(n, of_a, of_b) + 2 * inner_product(columns - n, of_a + n, of_b + n);
    return nullptr;
  });
}

const char *squares_by_columns(int64_t rows, int64_t width, const float *a, const float *b, double *sums) {
  return for_strips(width, width, [=](int64_t first, int64_t n, float *c) -> const char * {
    if (const char *failure = multiply(n, width, rows, {a + first, width, true}, {b, width}, c, width)) return failure;
    for (int64_t i = 0; i < n; i++, c += width) sums[first + i] = inner_product(width, c, c);
    return nullptr;
  });
}

// A gradient is 2·dloss·(λ·b·bᵀ·a + b·diag((1 − λ)·C_ii − 1)): x holds the product, `share` the diagonal with its factor.
struct gradient {
  double scale;
  const double *share;
};

TV_CLONES void add_diagonal(block_of_columns block, gradient g, const float *b, float *x) {
  for (int64_t r = 0; r < block.rows; r++, b += block.stride, x += block.stride)
    for (int64_t c = 0; c < block.width; c++) x[c] = float(g.scale * x[c] + g.share[c] * b[c]);
}

const char *gradient_by_rows(int64_t rows, int64_t width, const float *a, const float *b, gradient g, float *da) {
  return for_strips(rows, rows, [=](int64_t first, int64_t n, float *strip) -> const char * {
    const int64_t at = first * width;
    if (const char *failure = multiply(n, rows, width, {b + at, width}, {b, width, true}, strip, rows)) return failure;
    if (const char *failure = multiply(n, width, rows, {strip, rows}, {a, width}, da + at, width)) return failure;
    add_diagonal({n, width, width}, g, b + at, da + at);
    return nullptr;
  });
}

const char *gradient_by_columns(int64_t rows, int64_t width, const float *a, const float *b, gradient g, float *da) {
  return for_strips(width, width, [=](int64_t first, int64_t n, float *c) -> const char * {
    if (const char *failure = multiply(width, n, rows, {b, width, true}, {a + first, width}, c, n)) return failure;
    if (const char *failure = multiply(rows, n, width, {b, width}, {c, n}, da + first, width)) return failure;
    add_diagonal({rows, width, n}, {g.scale, g.share + first}, b + first, da + first);
    return nullptr;
  });
}

}  // namespace
}  // namespace twinview

using namespace twinview;

extern "C" const char *tv_redundancy_reduction(int64_t rows, int64_t width, double lambda, const float *a,
                                               const float *b, float *loss) {
  std::vector<double> sums(std::min(rows, width));
  const auto squares = rows > width ? squares_by_columns : squares_by_rows;
  if (const char *failure = squares(rows, width, a, b, sums.data())) return failure;
  double on = 0, all = 0;
  for (double s : sums) all += s;
  for (double c : diagonal(rows, width, a, b)) {
    on += (1 - c) * (1 - c);
    all -= c * c;
  }
  *loss = float(on + lambda * all);
  return nullptr;
}

extern "C" const char *tv_redundancy_reduction_grad(int64_t rows, int64_t width, double lambda, const float *a,
                                                    const float *b, const float *dloss, float *da) {
  std::vector<double> share = diagonal(rows, width, a, b);
  const double scale = 2.0 * *dloss;
  for (double &c : share) c = scale * ((1 - lambda) * c - 1);
  const auto make = rows > width ? gradient_by_columns : gradient_by_rows;
  return make(rows, width, a, b, {scale * lambda, share.data()}, da);
}
