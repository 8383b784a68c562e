#include "direct.h"
#include "gather.h"
#include "kernel_reader.h"
#include "products.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {
namespace {

// TapProduct is one of a few target pixels' and a slice of channels. The pixels' sources are read where they lie:
// [tap][pixel], the taps pixel_stride pointers apart. b is [tap][word of input channels][output channel of the slice].
struct TapProduct {
  const char *const *sources;
  int64_t pixel_stride, taps, words;
  const float *b;
};

// multiply_taps adds the products up and gives each pixel's sums to write(pixel, sums).
template <class Element, int Vectors, int Rows, class Write>
inline __attribute__((always_inline)) void multiply_taps(const TapProduct &p, Write write) {
  Vector sums[Rows][Vectors];
#pragma GCC unroll 12
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) sums[r][j] = _mm512_setzero_ps();
  const float *b = p.b;
  for (int64_t tap = 0; tap < p.taps; tap++) {
    const float *source[Rows];
#pragma GCC unroll 12
    for (int r = 0; r < Rows; r++) source[r] = reinterpret_cast<const float *>(p.sources[tap * p.pixel_stride + r]);
    for (int64_t word = 0; word < p.words; word++, b += 16 * Vectors) {
      Vector columns[Vectors];
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; j++) columns[j] = _mm512_loadu_ps(b + 16 * j);
#pragma GCC unroll 12
      for (int r = 0; r < Rows; r++) {
        const Vector value = _mm512_set1_ps(source[r][word]);
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; j++) sums[r][j] = Element::multiply_add(sums[r][j], columns[j], value);
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; r++) write(r, sums[r]);
}

int64_t count_taps(const std::vector<Lattice> &lattices) {
  int64_t count = 0;
  for (const Lattice &l : lattices) count += l.taps.size();
  return count;
}

// The input gradient is a forward convolution of dy, over each of its lattices of input pixels, so there is one code for
// both. Every thread has its own pixels and takes them in blocks whose sources stay in the second-level cache; of a block
// it computes 64 output channels at a time.
template <class Element>
class DirectForward final : public OwnKernel {
  struct Memory {
    Words unrolled;
    std::unique_ptr<const char *[]> sources;  // [tap][pixel]
    std::unique_ptr<char *[]> targets;
  };

 public:
  DirectForward(bool input_grad, const tv_convolution_shape &s, int threads)
      : input_grad_(input_grad),
        unrolls_(!input_grad && unrolls(s)),
        shape_(s),
        area_(s.kernel * s.kernel),
        lattices_(input_grad ? input_lattices(s) : std::vector<Lattice>{output_lattice(s)}),
        unrolled_(s),
        from_(input_grad ? s.out : unrolled_.channels),
        to_(input_grad ? s.in : s.out),
        taps_(input_grad ? count_taps(lattices_) : unrolled_.taps),
        words_((from_ + Element::kPerWord - 1) / Element::kPerWord),
        packed_(new_words(slice_offset((to_ + kSlice - 1) / kSlice))),
        zeros_(new_words(round_up(from_, kGroup))) {
    for (const Lattice &l : lattices_)
      for (const Tap &tap : l.taps) elements_.push_back(tap.element);
    if (unrolls_) lattices_[0].taps.resize(1);
    // About 256 KiB of sources, which is a quarter to a half of the cache.
    const int64_t bytes = shape_.stride * shape_.stride * from_ * Element::kBytes;
    block_ = std::clamp<int64_t>((256 << 10) / (input_grad ? from_ * Element::kBytes : bytes), 48, 480);
    for (int i = 0; i < threads; i++)
      memory_.push_back({new_words(unrolls_ ? (block_ + 1) * kGroup : 1),
                         std::make_unique<const char *[]>(block_ * std::max<int64_t>(taps_, 1)),
                         std::make_unique<char *[]>(block_)});
  }

  void before(const OwnRun &run, int thread, int threads) override {
    const KernelReader kernels(input_grad_, shape_.in, area_, run.weights);
    const Range mine = Range{0, slices() * words_}.part(thread, threads);
    for (int64_t i = mine.first; i < mine.last; i++) pack_word(kernels, i / words_, i % words_);
  }

  void after(const OwnRun &run, int thread, int threads) override {
    int64_t blocks = 1;
    for (const Lattice &l : lattices_)
      blocks = std::max(blocks, (pixels(l).part(thread, threads).size() + block_ - 1) / block_);
    for (int64_t i = 0; i < blocks; i++) {
      int64_t first_tap = 0;
      for (const Lattice &l : lattices_) {
        if (!l.taps.empty() || !run.accumulate)
          compute(run, l, first_tap, pixels(l).part(thread, threads).part(i, blocks), memory_[thread]);
        first_tap += l.taps.size();
      }
    }
  }

 private:
  int64_t slices() const { return (to_ + kSlice - 1) / kSlice; }
  // As with Winograd's: a last slice of at most 32 channels is stored and computed as 32.
  int64_t slice_width(int64_t slice) const { return to_ - slice * kSlice > kSlice / 2 ? kSlice : kSlice / 2; }
  int64_t slice_offset(int64_t slice) const { return slice * taps_ * words_ * kSlice; }
  Range pixels(const Lattice &l) const { return {0, shape_.batch * l.rows() * l.columns()}; }

  // The weights are packed as [slice][tap][word][output channel of the slice].
  void pack_word(const KernelReader &kernels, int64_t slice, int64_t word) {
    const int64_t width = slice_width(slice);
    for (int64_t lane = 0; lane < width; lane += 16) {
      const int64_t to = slice * kSlice + lane;
      Vector g[Element::kPerWord][kMaxKernel * kMaxKernel];
      for (int64_t i = 0; i < Element::kPerWord; i++) {
        const int64_t from = word * Element::kPerWord + i;
        const __mmask16 mask = from < from_ ? first_lanes(to_ - to) : 0;
        kernels.read<0>(from >= from_ ? 0 : input_grad_ ? from * kernels.from_stride : unrolled_.begins[from], to, mask, g[i],
                        unrolls_ ? 1 : area_);
      }
      for (int64_t tap = 0; tap < taps_; tap++) {
        float *packed = packed_.get() + slice_offset(slice) + (tap * words_ + word) * width + lane;
        const int64_t element = elements_[tap];
        if constexpr (Element::kPerWord == 2)
          Element::store_interleaved(packed, g[0][element], g[1][element]);
        else
          _mm512_storeu_ps(packed, g[0][element]);
      }
    }
  }

  void compute(const OwnRun &run, const Lattice &l, int64_t first_tap, Range pixels, Memory &memory) const {
    const char *from = input_grad_ ? run.y : run.x;
    l.targets(pixels, input_grad_ ? run.x : run.y, to_ * Element::kBytes, memory.targets.get());
    const int64_t taps = l.taps.size();
    if (unrolls_) {
      char *unrolled = reinterpret_cast<char *>(memory.unrolled.get());
      unroll<Element>(shape_, l, pixels, from, unrolled);
      for (int64_t i = 0; i < pixels.size(); i++) memory.sources[i] = unrolled + i * kGroup * Element::kBytes;
    } else {
      for (int64_t tap = 0; tap < taps; tap++)
        l.sources(pixels, l.taps[tap], from, from_ * Element::kBytes, reinterpret_cast<const char *>(zeros_.get()),
                  &memory.sources[tap * pixels.size()]);
    }
    for (int64_t slice = 0; slice < slices(); slice++) {
      const int64_t width = slice_width(slice);
      const TapProduct p{memory.sources.get(), pixels.size(), taps, words_,
                         packed_.get() + slice_offset(slice) + first_tap * words_ * width};
      if (width == kSlice)
        compute_slice<4>(p, slice, pixels.size(), memory.targets.get(), run.accumulate);
      else
        compute_slice<2>(p, slice, pixels.size(), memory.targets.get(), run.accumulate);
    }
  }

  // The last few pixels are computed one at a time.
  template <int Vectors>
  void compute_slice(TapProduct p, int64_t slice, int64_t pixels, char *const *targets, bool accumulate) const {
    constexpr int rows = 24 / Vectors;
    int64_t pixel = 0;
    const auto write = [&](int row, const Vector *sums) __attribute__((always_inline)) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; v += 2)
        write_group(targets[pixel + row], slice * kSlice + 16 * v, sums + v, accumulate);
    };
    for (; pixel + rows <= pixels; pixel += rows, p.sources += rows) multiply_taps<Element, Vectors, rows>(p, write);
    for (; pixel < pixels; pixel++, p.sources++) multiply_taps<Element, Vectors, 1>(p, write);
  }

  inline __attribute__((always_inline)) void write_group(char *pixel, int64_t channel, const Vector *sums,
                                                         bool accumulate) const {
    const __mmask32 mask = first_channels(to_ - channel);
    Vector y[2] = {sums[0], sums[1]};
    pixel += channel * Element::kBytes;
    if (accumulate) {
      Vector before[2];
      Element::load_in_order(pixel, mask, before);
      y[0] = plus(y[0], before[0]);
      y[1] = plus(y[1], before[1]);
    }
    if (mask == ~__mmask32{0})
      Element::store(pixel, y[0], y[1]);
    else
      Element::store(pixel, mask, y[0], y[1]);
  }

  bool input_grad_, unrolls_;
  tv_convolution_shape shape_;
  int64_t area_;
  std::vector<Lattice> lattices_;
  Unrolled unrolled_;
  int64_t from_, to_, taps_, words_;
  std::vector<int64_t> elements_;  // of the kernel, in the order of the taps
  int64_t block_;                  // pixels
  Words packed_, zeros_;
  std::vector<Memory> memory_;
};

}  // namespace

std::unique_ptr<OwnKernel> new_direct_forward(bool input_grad, tv_precision precision, const tv_convolution_shape &shape,
                                              int threads) {
  if (precision == TV_BFLOAT16) return std::make_unique<DirectForward<BFloat16>>(input_grad, shape, threads);
  return std::make_unique<DirectForward<Float32>>(input_grad, shape, threads);
}

}  // namespace twinview
TV_AVX512_END
#endif
