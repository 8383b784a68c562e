#include "kernel_reader.h"
#include "winograd_transform.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {
namespace {

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
  const KernelReader kernels(w.input_grad, w.in, 9, weights);
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
        kernels.read<9>(input * kernels.from_stride, output, input < w.from() ? mask : 0, g);
        if (w.input_grad) std::reverse(g, g + 9);
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
