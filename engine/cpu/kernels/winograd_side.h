// The first half of a transform in two dimensions, from memory.
#ifndef TWINVIEW_ENGINE_CPU_WINOGRAD_SIDE_H
#define TWINVIEW_ENGINE_CPU_WINOGRAD_SIDE_H

#include "winograd_transform.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {

// A side of the convolution: size pixels become n values.
template <int Tile>
struct InputSide {
  static constexpr int n = Tile + 2, size = n, offset = 1;  // the patch starts one pixel above and left of the tile
  static void apply(const Vector *pixels, Vector *values) { Transform<Tile>::input(pixels, values); }
};

template <int Tile>
struct OutputGradSide {
  static constexpr int n = Tile + 2, size = Tile, offset = 0;
  static void apply(const Vector *pixels, Vector *values) { Transform<Tile>::output_grad(pixels, values); }
};

// What is made of a pixel's group of channels as it is read: nothing, or the ReLU of their batch norm. outside is the pixel
// that stands for those outside the image.
template <class Element>
struct AsRead {
  AsRead(const OwnRun &, int64_t, __mmask32, const char *) {}
  void operator()(const char *, Vector *) const {}
};

// It has the bits that batch norm's own pass would have written (only that keeps bfloat16 below 1e-38, but the words of the
// products don't).
template <class Element>
struct NormReLU {
  Vector scale[2], shift[2];
  const char *outside;

  NormReLU(const OwnRun &run, int64_t group, __mmask32 mask, const char *outside) : outside(outside) {
    Element::load_factors(run.scale + group * kGroup, mask, scale);
    Element::load_factors(run.shift + group * kGroup, mask, shift);
  }
  void operator()(const char *pixel, Vector *v) const {
    const __mmask16 inside = pixel == outside ? 0 : 0xffff;
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
      const Vector y = Element::on_line(v[i], scale[i], shift[i]);
      v[i] = _mm512_maskz_max_ps(inside, _mm512_setzero_ps(), y);  // in this order NaN stays NaN
    }
    Element::round_trip(v);
  }
};

// transform_columns reads a group of channels of a patch's pixels and transforms its columns: [vector][row][column].
template <class Element, class Side, bool Full, class Read>
void transform_columns(const char *const *patch, int64_t group_offset, __mmask32 mask, const Read &read,
                       Vector half[2][Side::n][Side::size]) {
  for (int x = 0; x < Side::size; x++) {
    Vector column[2][Side::size], values[2][Side::n];
#pragma GCC unroll 6
    for (int y = 0; y < Side::size; y++) {
      const char *pixel = patch[y * Side::size + x];
      Vector pair[2];
      if (Full)
        Element::load(pixel + group_offset, pair);
      else
        Element::load(pixel + group_offset, mask, pair);
      read(pixel, pair);
      column[0][y] = pair[0];
      column[1][y] = pair[1];
    }
    Side::apply(column[0], values[0]);
    Side::apply(column[1], values[1]);
#pragma GCC unroll 6
    for (int y = 0; y < Side::n; y++) {
      half[0][y][x] = values[0][y];
      half[1][y][x] = values[1][y];
    }
  }
}

}  // namespace twinview
TV_AVX512_END
#endif
#endif
