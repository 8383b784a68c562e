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

// transform_columns reads a group of channels of a patch's pixels and transforms its columns: [vector][row][column].
template <class Element, class Side, bool Full>
void transform_columns(const char *const *patch, int64_t group_offset, __mmask32 mask,
                       Vector half[2][Side::n][Side::size]) {
  for (int x = 0; x < Side::size; x++) {
    Vector column[2][Side::size], values[2][Side::n];
#pragma GCC unroll 6
    for (int y = 0; y < Side::size; y++) {
      const char *pixel = patch[y * Side::size + x] + group_offset;
      Vector pair[2];
      if (Full)
        Element::load(pixel, pair);
      else
        Element::load(pixel, mask, pair);
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
