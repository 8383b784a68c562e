// Reads inputs of few channels for our own direct convolutions (direct.h, unrolls).
#ifndef TWINVIEW_ENGINE_CPU_GATHER_H
#define TWINVIEW_ENGINE_CPU_GATHER_H

#include "direct.h"
#include "element.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {

// unroll copies what the kernel sees of the input for a range of output pixels, to [pixel][32]. to has room for a pixel
// more: each kernel row is written with a whole group, and what is too much is overwritten next.
template <class Element>
void unroll(const tv_convolution_shape &s, const Lattice &lattice, Range pixels, const char *x, char *to) {
  const int64_t row_bytes = s.kernel * s.in * Element::kBytes;
  lattice.each(pixels, [&](int64_t image, int64_t row, int64_t column) {
    const int64_t top = row * s.stride - s.pad, left = column * s.stride - s.pad;
    const int64_t before = std::max<int64_t>(0, -left), inside = std::min(s.kernel, s.width - left);
    const __mmask32 mask = inside <= before ? 0 : first_channels(inside * s.in) & ~first_channels(before * s.in);
    const char *from = x + ((image * s.height + top) * s.width + left) * s.in * Element::kBytes;
    for (int64_t k = 0; k < s.kernel; k++, from += s.width * s.in * Element::kBytes)
      Element::copy(to + k * row_bytes, from, top + k >= 0 && top + k < s.height ? mask : 0);
    to += kGroup * Element::kBytes;
  });
}

}  // namespace twinview
TV_AVX512_END
#endif
#endif
