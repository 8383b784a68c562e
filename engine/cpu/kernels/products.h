// The products of our own convolutions: matrix products whose results stay in registers.
#ifndef TWINVIEW_ENGINE_CPU_PRODUCTS_H
#define TWINVIEW_ENGINE_CPU_PRODUCTS_H

#include "element.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {

// Prefetch asks for the lines of a list of pixels, a few at a time, while the products keep the arithmetic units busy and
// memory idle.
class Prefetch {
 public:
  Prefetch(const char *const *pixels, int64_t count, int64_t offset, int64_t bytes, int64_t turns)
      : pixels_(pixels), end_(pixels + count), offset_(offset), bytes_(bytes) {
    const int64_t lines = count * ((bytes + 63) / 64);
    per_turn_ = (lines + turns - 1) / turns;
  }
  void turn() {
    for (int64_t i = 0; i < per_turn_ && pixels_ != end_; i++) {
      _mm_prefetch(*pixels_ + offset_ + line_, _MM_HINT_T0);  // of an address outside memory it is a no-op
      line_ += 64;
      if (line_ < bytes_) continue;
      line_ = 0;
      pixels_++;
    }
  }

 private:
  const char *const *pixels_, *const *end_;
  int64_t offset_, bytes_, per_turn_, line_ = 0;
};

// Factors of sums[row][column] = Σ_step a[row·row_stride + step·Step]·b[step][column], in words.
struct Factors {
  const float *a;
  int64_t row_stride;
  const float *b;
  int64_t steps;
  float *sums;
};

// Add starts from what sums holds. 24 registers of sums, and each vector of b is used for all rows, each word of a for all vectors.
template <class Element, int Vectors, int Step, bool Add, int Rows>
void multiply_rows(const Factors &f) {
  constexpr int width = 16 * Vectors;
  Vector sums[Rows][Vectors];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++)
      sums[r][j] = Add ? _mm512_loadu_ps(f.sums + r * width + 16 * j) : _mm512_setzero_ps();
  const float *a = f.a, *b = f.b;
  const int64_t row_stride = Step == 1 ? f.row_stride : 1;
  for (int64_t step = 0; step < f.steps; step++, a += Step, b += width) {
    Vector columns[Vectors];
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) columns[j] = _mm512_loadu_ps(b + 16 * j);
#pragma GCC unroll 12
    for (int r = 0; r < Rows; r++) {
      const Vector word = _mm512_set1_ps(a[r * row_stride]);
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; j++) sums[r][j] = Element::multiply_add(sums[r][j], columns[j], word);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) _mm512_storeu_ps(f.sums + r * width + 16 * j, sums[r][j]);
}

template <class Element, int Vectors, int Step, bool Add>
void multiply_rows(int64_t rows, const Factors &f) {
  switch (rows) {
    case 1: return multiply_rows<Element, Vectors, Step, Add, 1>(f);
    case 2: return multiply_rows<Element, Vectors, Step, Add, 2>(f);
    case 3: return multiply_rows<Element, Vectors, Step, Add, 3>(f);
    case 4: return multiply_rows<Element, Vectors, Step, Add, 4>(f);
    case 5: return multiply_rows<Element, Vectors, Step, Add, 5>(f);
    case 6: return multiply_rows<Element, Vectors, Step, Add, 6>(f);
  }
  if constexpr (Vectors == 2) switch (rows) {
      case 7: return multiply_rows<Element, Vectors, Step, Add, 7>(f);
      case 8: return multiply_rows<Element, Vectors, Step, Add, 8>(f);
      case 9: return multiply_rows<Element, Vectors, Step, Add, 9>(f);
      case 10: return multiply_rows<Element, Vectors, Step, Add, 10>(f);
      case 11: return multiply_rows<Element, Vectors, Step, Add, 11>(f);
      case 12: return multiply_rows<Element, Vectors, Step, Add, 12>(f);
    }
}

template <int Vectors>
constexpr int64_t row_blocks(int64_t rows) {
  return (rows + 24 / Vectors - 1) / (24 / Vectors);
}

// multiply does all rows. Step is 1 where a's rows are row_stride words apart, and the distance of steps where rows are
// neighbours.
template <class Element, int Vectors, int Step, bool Add = false>
void multiply(int64_t rows, Factors f, Prefetch &input, Prefetch &output) {
  const int64_t blocks = row_blocks<Vectors>(rows);
  const float *a = f.a;
  float *sums = f.sums;
  for (int64_t block = 0; block < blocks; block++) {
    const Range part = Range{0, rows}.part(block, blocks);
    f.a = a + part.first * (Step == 1 ? f.row_stride : 1);
    f.sums = sums + part.first * 16 * Vectors;
    input.turn();
    output.turn();
    multiply_rows<Element, Vectors, Step, Add>(part.size(), f);
  }
}

}  // namespace twinview
TV_AVX512_END
#endif
#endif
