// What the files of our own direct convolutions share. A kernel of any size, stride and padding is a sum over its
// elements, the taps: each tap is a matrix product of the pixels that it reaches with its channels' weights.
#ifndef TWINVIEW_ENGINE_CPU_DIRECT_H
#define TWINVIEW_ENGINE_CPU_DIRECT_H

#include "own.h"

namespace twinview {

struct Image {
  int64_t height, width;
};

inline Image output_image(const tv_convolution_shape &s) {
  return {(s.height + 2 * s.pad - s.kernel) / s.stride + 1, (s.width + 2 * s.pad - s.kernel) / s.stride + 1};
}

// Tap is a kernel's element, by the row and column of the source pixel that it reaches from target (0, 0).
struct Tap {
  int64_t down, right, element;
};

#if TV_HAS_AVX512
TV_AVX512_BEGIN  // so that each and its body can be one loop

// Lattice is target pixels of all images of a batch that have the same taps, and the source pixels that these reach.
// A tap's source moves by source_step pixels when the target moves by target_step.
struct Lattice {
  Image target, source;
  int64_t top, left, target_step, source_step;
  std::vector<Tap> taps;

  int64_t rows() const { return (target.height - top + target_step - 1) / target_step; }
  int64_t columns() const { return (target.width - left + target_step - 1) / target_step; }

  // each calls body(image, row, column) for a range of the lattice's pixels.
  template <class Body>
  void each(Range pixels, Body body) const {
    if (pixels.size() <= 0) return;
    int64_t column = pixels.first % columns(), row = pixels.first / columns() % rows();
    int64_t image = pixels.first / columns() / rows();
    for (int64_t i = pixels.first; i < pixels.last; i++) {
      body(image, row, column);
      if (++column < columns()) continue;
      column = 0;
      if (++row < rows()) continue;
      row = 0;
      image++;
    }
  }

  void targets(Range pixels, char *images, int64_t pixel_bytes, char **list) const {
    each(pixels, [&](int64_t image, int64_t row, int64_t column) {
      const int64_t y = top + row * target_step, x = left + column * target_step;
      *list++ = images + ((image * target.height + y) * target.width + x) * pixel_bytes;
    });
  }

  // outside stands for the sources outside the image.
  void sources(Range pixels, const Tap &tap, const char *images, int64_t pixel_bytes, const char *outside,
               const char **list) const {
    each(pixels, [&](int64_t image, int64_t row, int64_t column) {
      const int64_t y = row * source_step + tap.down, x = column * source_step + tap.right;
      const bool inside = y >= 0 && y < source.height && x >= 0 && x < source.width;
      *list++ = inside ? images + ((image * source.height + y) * source.width + x) * pixel_bytes : outside;
    });
  }
};

// output_lattice has all output pixels as targets, and as sources the input pixels that each is computed from.
inline Lattice output_lattice(const tv_convolution_shape &s) {
  Lattice l{output_image(s), {s.height, s.width}, 0, 0, 1, s.stride, {}};
  for (int64_t k = 0; k < s.kernel * s.kernel; k++) l.taps.push_back({k / s.kernel - s.pad, k % s.kernel - s.pad, k});
  return l;
}

// input_lattices have the input pixels as targets, and as sources the output pixels that are computed from each. With a
// stride above 1 neighbours have different taps, or none.
inline std::vector<Lattice> input_lattices(const tv_convolution_shape &s) {
  std::vector<Lattice> lattices;
  for (int64_t top = 0; top < std::min(s.stride, s.height); top++)
    for (int64_t left = 0; left < std::min(s.stride, s.width); left++) {
      Lattice l{{s.height, s.width}, output_image(s), top, left, s.stride, 1, {}};
      for (int64_t k = 0; k < s.kernel * s.kernel; k++) {
        const int64_t down = top + s.pad - k / s.kernel, right = left + s.pad - k % s.kernel;
        if (down % s.stride == 0 && right % s.stride == 0) l.taps.push_back({down / s.stride, right / s.stride, k});
      }
      lattices.push_back(l);
    }
  return lattices;
}

TV_AVX512_END
#endif

// With few input channels, such as an image's three colours, all that a kernel sees of an input fits in one group of
// channels. It is copied together, kernel row by kernel row, and from there on the kernel is 1×1.
inline bool unrolls(const tv_convolution_shape &s) { return s.kernel * s.kernel * s.in <= kGroup && s.kernel > 1; }

// The channels and taps after unrolling, and where in a kernel of OIHW a channel's weights begin.
struct Unrolled {
  int64_t channels, taps;
  std::vector<int64_t> begins;

  explicit Unrolled(const tv_convolution_shape &s) {
    const int64_t area = s.kernel * s.kernel;
    channels = unrolls(s) ? area * s.in : s.in;
    taps = unrolls(s) ? 1 : area;
    for (int64_t i = 0; i < channels; i++) begins.push_back(unrolls(s) ? i % s.in * area + i / s.in : i * area);
  }
};

constexpr int64_t kMaxKernel = 7;

// direct_forward.cc, for the input gradient too
std::unique_ptr<OwnKernel> new_direct_forward(bool input_grad, tv_precision precision, const tv_convolution_shape &shape,
                                              int threads);
// direct_weight_grad.cc
std::unique_ptr<OwnKernel> new_direct_weight_grad(tv_precision precision, const tv_convolution_shape &shape, int threads);

}  // namespace twinview
#endif
