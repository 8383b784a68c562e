#include "direct.h"
#include "gather.h"
#include "products.h"
#include "weight_sums.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {
namespace {

// For each tap the gradient is the product of the pixels of x that it reaches, transposed, with those of dy: a sum over
// pixels, so that is what the products run along, and in bfloat16 a word holds two pixels. Every thread has its own pixels
// of dy and takes them in blocks that stay in the second-level cache. At the end the threads' sums are added in the order
// of the threads.
template <class Element>
class DirectWeightGrad final : public OwnKernel {
  static constexpr int64_t kBlock = 256;  // pixels

  // Memory of a thread. In words: x [group][step][32], dy [slice][step][64]; 32 in place of 64 where the last slice is
  // narrow.
  struct Memory {
    Words x, dy, sums, unrolled;
    std::unique_ptr<const char *[]> x_pixels, next_x, dy_pixels, next_dy;
  };

 public:
  DirectWeightGrad(const tv_convolution_shape &s, int threads)
      : shape_(s),
        lattice_(output_lattice(s)),
        unrolled_(s),
        sums_{unrolled_.channels, s.out, unrolled_.taps},
        zeros_(new_words(round_up(std::max(s.in, s.out), kGroup))) {
    const int64_t steps = kBlock / Element::kPerWord;
    const auto list = [] { return std::make_unique<const char *[]>(kBlock); };
    for (int i = 0; i < threads; i++) {
      memory_.push_back({new_words(sums_.groups() * steps * kGroup), new_words(sums_.slices() * steps * kSlice),
                         new_words(sums_.size()), new_words(unrolls(s) ? (kBlock + 1) * kGroup : 1), list(), list(), list(),
                         list()});
      all_sums_.push_back(memory_.back().sums.get());
    }
  }

  void before(const OwnRun &run, int thread, int threads) override {
    const Range mine = Range{0, pixels()}.part(thread, threads);
    Memory &memory = memory_[thread];
    if (mine.size() == 0) memset(memory.sums.get(), 0, sums_.size() * sizeof(float));
    mine.in_blocks(kBlock, [&](Range block, Range next) {
      add_block(run, block, next, block.first == mine.first, memory);
    });
  }

  void after(const OwnRun &run, int thread, int threads) override {
    sums_.add<Element>(all_sums_.data(), threads, thread, threads, [&](int64_t i) { return unrolled_.begins[i]; },
                       run.weights);
  }

 private:
  int64_t pixels() const { return shape_.batch * lattice_.rows() * lattice_.columns(); }
  static int64_t steps(Range pixels) { return (pixels.size() + Element::kPerWord - 1) / Element::kPerWord; }

  void add_block(const OwnRun &run, Range pixels, Range next, bool first, Memory &memory) const {
    if (first) list_dy(run.y, pixels, memory.dy_pixels.get());
    pack_dy(pixels, memory);
    list_dy(run.y, next, memory.next_dy.get());
    if (first) list_x(run.x, pixels, 0, memory, memory.x_pixels.get());
    for (int64_t tap = 0; tap < sums_.taps; tap++) {
      pack_x(run.x, pixels, memory);
      const bool last = tap + 1 == sums_.taps;
      const Range ahead = last ? next : pixels;
      list_x(run.x, ahead, last ? 0 : tap + 1, memory, memory.next_x.get());
      const int64_t turns = sums_.groups() * sums_.slices() * row_blocks<4>(kGroup);
      Prefetch x(memory.next_x.get(), unrolls(shape_) ? 0 : ahead.size(), 0, shape_.in * Element::kBytes, turns);
      Prefetch dy(memory.next_dy.get(), last ? next.size() : 0, 0, shape_.out * Element::kBytes, turns);
      if (first)
        add_products<false>(tap, steps(pixels), memory, x, dy);
      else
        add_products<true>(tap, steps(pixels), memory, x, dy);
      std::swap(memory.x_pixels, memory.next_x);
    }
    std::swap(memory.dy_pixels, memory.next_dy);
  }

  template <bool Add>
  void add_products(int64_t tap, int64_t steps, const Memory &memory, Prefetch &x, Prefetch &dy) const {
    for (int64_t group = 0; group < sums_.groups(); group++)
      for (int64_t slice = 0; slice < sums_.slices(); slice++) {
        const int64_t width = sums_.slice_width(slice);
        const Factors f{memory.x.get() + group * steps * kGroup, 1, memory.dy.get() + slice * steps * kSlice, steps,
                        memory.sums.get() + sums_.block_offset(group, slice) + tap * kGroup * width};
        if (width == kSlice)
          multiply<Element, 4, kGroup, Add>(kGroup, f, x, dy);
        else
          multiply<Element, 2, kGroup, Add>(kGroup, f, x, dy);
      }
  }

  void list_dy(const char *dy, Range pixels, const char **list) const {
    for (int64_t p = pixels.first; p < pixels.last; p++) *list++ = dy + p * shape_.out * Element::kBytes;
  }

  void list_x(const char *x, Range pixels, int64_t tap, const Memory &memory, const char **list) const {
    if (!unrolls(shape_))
      return lattice_.sources(pixels, lattice_.taps[tap], x, shape_.in * Element::kBytes, zeros(), list);
    const char *unrolled = reinterpret_cast<const char *>(memory.unrolled.get());
    for (int64_t i = 0; i < pixels.size(); i++) *list++ = unrolled + i * kGroup * Element::kBytes;
  }

  void pack_dy(Range pixels, Memory &memory) const {
    pad(pixels, memory.dy_pixels.get());
    for (int64_t slice = 0; slice < sums_.slices(); slice++) {
      const int64_t width = sums_.slice_width(slice);
      for (int64_t lane = 0; lane < width; lane += kGroup)
        pack_group(memory.dy_pixels.get(), steps(pixels), (slice * kSlice + lane) / kGroup, shape_.out,
                   memory.dy.get() + slice * steps(pixels) * kSlice + lane, width);
    }
  }

  void pack_x(const char *x, Range pixels, Memory &memory) const {
    if (unrolls(shape_))
      unroll<Element>(shape_, lattice_, pixels, x, reinterpret_cast<char *>(memory.unrolled.get()));
    pad(pixels, memory.x_pixels.get());
    for (int64_t group = 0; group < sums_.groups(); group++)
      pack_group(memory.x_pixels.get(), steps(pixels), group, sums_.in,
                 memory.x.get() + group * steps(pixels) * kGroup, kGroup);
  }

  const char *zeros() const { return reinterpret_cast<const char *>(zeros_.get()); }

  // pad fills the last step.
  void pad(Range pixels, const char **list) const {
    std::fill(list + pixels.size(), list + steps(pixels) * Element::kPerWord, zeros());
  }

  static void pack_group(const char *const *pixels, int64_t steps, int64_t group, int64_t channels, float *to,
                         int64_t stride) {
    const __mmask32 mask = first_channels(channels - group * kGroup);
    for (int64_t step = 0; step < steps; step++)
      Element::pack(pixels + step * Element::kPerWord, group * kGroup * Element::kBytes, mask, to + step * stride);
  }

  tv_convolution_shape shape_;
  Lattice lattice_;
  Unrolled unrolled_;
  WeightSums sums_;
  Words zeros_;
  std::vector<Memory> memory_;
  std::vector<float *> all_sums_;
};

}  // namespace

std::unique_ptr<OwnKernel> new_direct_weight_grad(tv_precision precision, const tv_convolution_shape &shape, int threads) {
  if (precision == TV_BFLOAT16) return std::make_unique<DirectWeightGrad<BFloat16>>(shape, threads);
  return std::make_unique<DirectWeightGrad<Float32>>(shape, threads);
}

}  // namespace twinview
TV_AVX512_END
#endif
