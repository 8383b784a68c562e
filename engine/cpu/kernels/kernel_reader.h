// Reads convolution weights in the order in which our own forward convolutions need them.
#ifndef TWINVIEW_ENGINE_CPU_KERNEL_READER_H
#define TWINVIEW_ENGINE_CPU_KERNEL_READER_H

#include "element.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {

inline __mmask16 first_lanes(int64_t count) { return count >= 16 ? 0xffff : count <= 0 ? 0 : (1 << count) - 1; }

// KernelReader reads the kernels, of area elements each, of one channel that the convolution comes from and 16 channels
// that it goes to. The input gradient goes from output to input channels.
struct KernelReader {
  const float *weights;
  int64_t from_stride, to_stride;

  KernelReader(bool input_grad, int64_t in, int64_t area, const float *weights)
      : weights(weights), from_stride(input_grad ? area * in : area), to_stride(input_grad ? area : area * in) {}

  // from is where the channel's kernels begin. Area is the number of elements, or 0 for that given.
  template <int Area>
  void read(int64_t from, int64_t to, __mmask16 mask, Vector *g, int64_t area = Area) const {
    const __m512i lanes = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                             _mm512_set1_epi32(static_cast<int>(to_stride)));
    const float *first = weights + from + to * to_stride;
    // The next word of bfloat16 is at most four channels on, and no hardware follows 16 streams.
    for (int lane = 0; lane < 16; lane++)
      _mm_prefetch(reinterpret_cast<const char *>(first + 4 * from_stride + lane * to_stride), _MM_HINT_T0);
    for (int64_t i = 0; i < (Area > 0 ? Area : area); i++)
      g[i] = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, lanes, first + i, 4);
  }
};

}  // namespace twinview
TV_AVX512_END
#endif
#endif
