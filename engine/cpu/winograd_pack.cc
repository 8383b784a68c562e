#include "winograd_element.h"

#if TV_WINOGRAD
TV_AVX512_BEGIN
namespace twinview {
namespace {

// Kernels reads the 3×3 kernels of one channel that the convolution comes from and 16 channels that it goes to.
struct Kernels {
  const float *weights;
  int64_t from_stride, to_stride;
  bool turned;

  Kernels(const PackedWeights &w, const float *weights)
      : weights(weights),
        from_stride(w.input_grad ? 9 * w.in : 9),
        to_stride(w.input_grad ? 9 : 9 * w.in),
        turned(w.input_grad) {}

  void read(int64_t from, int64_t to, __mmask16 mask, Vector *g) const {
    const __m512i lanes = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                             _mm512_set1_epi32(static_cast<int>(to_stride)));
    const float *first = weights + from * from_stride + to * to_stride;
    // The next word of bfloat16 is four channels on, and no hardware follows 16 streams.
    for (int lane = 0; lane < 16; lane++)
      _mm_prefetch(reinterpret_cast<const char *>(first + 4 * from_stride + lane * to_stride), _MM_HINT_T0);
    for (int i = 0; i < 9; i++)
      g[turned ? 8 - i : i] = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, lanes, first + i, 4);
  }
};

template <class T>
inline __attribute__((always_inline)) void transform(const Vector *g, Vector *u) {
  constexpr int n = T::n;
  Vector half[n][3];
  for (int x = 0; x < 3; x++) {
    const Vector column[3] = {g[x], g[3 + x], g[6 + x]};
    Vector transformed[n];
    T::weights(column, transformed);
#pragma GCC unroll 6
    for (int y = 0; y < n; y++) half[y][x] = transformed[y];
  }
#pragma GCC unroll 6
  for (int y = 0; y < n; y++) T::weights(half[y], u + y * n);
}

template <class Element, class T>
void pack_words(const PackedWeights &w, const float *weights, float *packed, Range words) {
  constexpr int positions = T::n * T::n;
  const Kernels kernels(w, weights);
  for (int64_t index = words.first; index < words.last; index++) {
    const int64_t slice = index / w.words(), word = index % w.words(), width = w.slice_width(slice);
    float *to = packed + w.slice_offset(slice) + word * width;
    const int64_t stride = w.position_size(slice), in_group = word * Element::kPerWord % kGroup;
    for (int64_t lane = 0; lane < width; lane += 16) {
      const int64_t output = slice * kSlice + lane, rest = w.to() - output;
      const __mmask16 mask = rest >= 16 ? 0xffff : rest <= 0 ? 0 : (1 << rest) - 1;
      Vector u[Element::kPerWord][positions];
      for (int i = 0; i < Element::kPerWord; i++) {
        const int64_t input = word * Element::kPerWord - in_group + Element::channel(in_group + i);
        Vector g[9];
        kernels.read(input, output, input < w.from() ? mask : 0, g);
        transform<T>(g, u[i]);
      }
      for (int p = 0; p < positions; p++) {
        _mm_prefetch(reinterpret_cast<const char *>(to + p * stride + width + lane), _MM_HINT_T0);  // the next word's
        if constexpr (Element::kPerWord == 2)
          Element::store_interleaved(to + p * stride + lane, u[0][p], u[1][p]);
        else
          _mm512_storeu_ps(to + p * stride + lane, u[0][p]);
      }
    }
  }
}

}  // namespace

void PackedWeights::pack(const float *weights, float *packed, int thread, int threads) const {
  const Range words = Range{0, slices() * this->words()}.part(thread, threads);
  if (precision == TV_BFLOAT16 && tile == 2) return pack_words<BFloat16, Transform<2>>(*this, weights, packed, words);
  if (precision == TV_BFLOAT16) return pack_words<BFloat16, Transform<4>>(*this, weights, packed, words);
  if (tile == 2) return pack_words<Float32, Transform<2>>(*this, weights, packed, words);
  pack_words<Float32, Transform<4>>(*this, weights, packed, words);
}

}  // namespace twinview
TV_AVX512_END
#endif
