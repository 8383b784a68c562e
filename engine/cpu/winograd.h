// What the files of our own convolutions share: 3×3, stride 1, pad 1, by Winograd's F(tile×tile, 3×3).
//
// The image is cut into tiles of tile×tile output pixels. A tile, its n×n = (tile+2)×(tile+2) input pixels and the 3×3
// kernel are each seen as n×n positions (winograd_transform.h), and there the convolution is a product of matrices per
// position, over tiles and channels: n² products in place of 9·tile².
#ifndef TWINVIEW_ENGINE_CPU_WINOGRAD_H
#define TWINVIEW_ENGINE_CPU_WINOGRAD_H

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "bridge.h"

// gcc 10 is the first that knows AVX512-BF16.
#if defined(__x86_64__) && ((defined(__clang__) && __clang_major__ >= 11) || (!defined(__clang__) && __GNUC__ >= 10))
#define TV_WINOGRAD 1
#include <immintrin.h>
#else
#define TV_WINOGRAD 0
#endif

// The package is compiled for any CPU; what stands between these two is compiled for AVX-512 and only called where
// tv_winograd_supports says so. Headers must be included before.
#define TV_AVX512 "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"
#define TV_PRAGMA(...) _Pragma(#__VA_ARGS__)
#define TV_EXPAND_PRAGMA(...) TV_PRAGMA(__VA_ARGS__)
#if defined(__clang__)
#define TV_AVX512_BEGIN TV_EXPAND_PRAGMA(clang attribute push(__attribute__((target(TV_AVX512))), apply_to = function))
#define TV_AVX512_END _Pragma("clang attribute pop")
#else
#define TV_AVX512_BEGIN _Pragma("GCC push_options") TV_EXPAND_PRAGMA(GCC target(TV_AVX512))
#define TV_AVX512_END _Pragma("GCC pop_options")
#endif

namespace twinview {

// A word is 32 bits: one float32, or two bfloat16 that one dot product instruction multiplies and adds.
using Words = std::unique_ptr<float[], void (*)(void *)>;

inline Words new_words(int64_t count) {
  Words words(static_cast<float *>(tv_alloc(count * sizeof(float))), tv_free);
  if (!words) throw std::bad_alloc();
  return words;
}

inline int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

constexpr int64_t kGroup = 32;  // channels that are transformed together
constexpr int64_t kSlice = 64;  // output channels of one pass of the products
constexpr int64_t kPad = 16;    // words (64 bytes) after each position, so that positions don't share cache sets

// A range of tiles, or of anything else.
struct Range {
  int64_t first, last;
  int64_t size() const { return last - first; }
  // The part'th of parts parts, whose sizes differ by at most one.
  Range part(int64_t part, int64_t parts) const {
    return {first + size() * part / parts, first + size() * (part + 1) / parts};
  }
};

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

// WinogradRun is what a run is given; which of x, weights, y is written follows from the direction.
struct WinogradRun {
  char *x;
  float *weights;
  char *y;
  bool accumulate;
};

// WinogradKernel is one direction at one precision and tile. All threads run before, and when all have, after.
class WinogradKernel {
 public:
  virtual ~WinogradKernel() = default;
  virtual void before(const WinogradRun &run, int thread, int threads) = 0;
  virtual void after(const WinogradRun &run, int thread, int threads) = 0;
};

// Forward and input gradient: winograd_forward.cc.
std::unique_ptr<WinogradKernel> new_winograd_forward(bool input_grad, tv_precision precision, int tile,
                                                     const tv_convolution_shape &shape, int threads);
// winograd_weight_grad.cc
std::unique_ptr<WinogradKernel> new_winograd_weight_grad(tv_precision precision, int tile,
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
