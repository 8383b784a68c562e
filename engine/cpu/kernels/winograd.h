// What the files of Winograd's convolutions share: 3×3, stride 1, pad 1, by F(tile×tile, 3×3).
//
// The image is cut into tiles of tile×tile output pixels. A tile, its n×n = (tile+2)×(tile+2) input pixels and the 3×3
// kernel are each seen as n×n positions (winograd_transform.h), and there the convolution is a product of matrices per
// position, over tiles and channels: n² products in place of 9·tile².
#ifndef TWINVIEW_ENGINE_CPU_WINOGRAD_H
#define TWINVIEW_ENGINE_CPU_WINOGRAD_H

#include "own.h"

namespace twinview {

// Tiling numbers the tiles of a batch of images, row by row.
struct Tiling {
  int64_t batch, height, width, tile;

  int64_t down() const { return (height + tile - 1) / tile; }
  int64_t across() const { return (width + tile - 1) / tile; }
  int64_t count() const { return batch * down() * across(); }

  // patch lists the Size×Size pixels of images that start offset pixels above and left of a tile's first; outside stands
  // for those that are outside the image.
  template <int Size>
  void patch(int64_t index, int64_t offset, const char *images, int64_t pixel_bytes, const char *outside,
             const char **pixels) const {
    const uint32_t row = static_cast<uint32_t>(index) / static_cast<uint32_t>(across());
    const int64_t image = row / static_cast<uint32_t>(down());
    const int64_t top = (row - image * down()) * tile - offset, left = (index - row * across()) * tile - offset;
    const char *first = images + ((image * height + top) * width + left) * pixel_bytes;
    if (top >= 0 && left >= 0 && top + Size <= height && left + Size <= width) {
      for (int64_t y = 0; y < Size; y++, first += width * pixel_bytes)
        for (int64_t x = 0; x < Size; x++) *pixels++ = first + x * pixel_bytes;
      return;
    }
    for (int64_t y = top; y < top + Size; y++, first += width * pixel_bytes)
      for (int64_t x = left; x < left + Size; x++)
        *pixels++ = y < 0 || y >= height || x < 0 || x >= width ? outside : first + (x - left) * pixel_bytes;
  }
};

// Forward and input gradient: winograd_forward.cc.
std::unique_ptr<OwnKernel> new_winograd_forward(bool input_grad, tv_precision precision, int tile,
                                                     const tv_convolution_shape &shape, int threads);
// winograd_weight_grad.cc
std::unique_ptr<OwnKernel> new_winograd_weight_grad(tv_precision precision, int tile,
                                                         const tv_convolution_shape &shape, int threads);

// winograd_pack.cc: transforms the weights into [slice][position][word of input channels][output channel of the slice],
// the order in which the products read them.
struct PackedWeights {
  bool input_grad;  // the convolution runs from O to I channels, with the kernel turned by 180°
  tv_precision precision;
  int tile;
  int64_t in, out;  // I and O

  int64_t from() const { return input_grad ? out : in; }
  int64_t to() const { return input_grad ? in : out; }
  int64_t positions() const { return (tile + 2) * (tile + 2); }
  int64_t words() const { return round_up(from(), kGroup) / (precision == TV_BFLOAT16 ? 2 : 1); }
  int64_t slices() const { return (to() + kSlice - 1) / kSlice; }
  // A last slice of at most 32 channels is stored and computed as 32.
  int64_t slice_width(int64_t slice) const { return to() - slice * kSlice > kSlice / 2 ? kSlice : kSlice / 2; }
  int64_t position_size(int64_t slice) const { return words() * slice_width(slice) + kPad; }
  int64_t slice_offset(int64_t slice) const { return slice * positions() * (words() * kSlice + kPad); }
  int64_t size() const { return slice_offset(slices()); }
  void pack(const float *weights, float *packed, int thread, int threads) const;
};

}  // namespace twinview
#endif
