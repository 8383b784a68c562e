#include "products.h"
#include "weight_sums.h"
#include "winograd_side.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {
namespace {

// The weight gradient sums over tiles, so that is what the products run along: in bfloat16 a word holds two tiles. Every
// thread has its own tiles and takes them in blocks: transform the block's x and dy, then for 32 input and 64 output
// channels at a time multiply, transform back to 3×3 and add to the thread's sums. At the end the threads' sums are added
// in the order of the threads.
template <class Element, int Tile>
class WeightGrad final : public OwnKernel {
  using T = Transform<Tile>;
  static constexpr int n = T::n, positions = n * n, pixels = Tile * Tile;
  static constexpr int64_t kTiles = Element::kPerWord;

  // Memory of a thread, in words: x [group][position][step][32], dy [slice][position][step][64], products
  // [position][32][64]; 32 in place of 64 where the last slice is narrow.
  struct Memory {
    Words x, dy, products, sums;
    std::unique_ptr<const char *[]> next_x, next_dy;  // the next block's pixels
  };

 public:
  WeightGrad(const tv_convolution_shape &s, int threads)
      : tiling_{s.batch, s.height, s.width, Tile},
        in_(s.in),
        out_(s.out),
        sums_{s.in, s.out, 9},
        block_(std::min<int64_t>(Element::kPerWord * 64 * 36 / positions,
                                 round_up((tiling_.count() + threads - 1) / threads, kTiles))),
        zeros_(new_words(round_up(std::max(s.in, s.out), kGroup))) {
    const int64_t steps = block_ / kTiles;
    for (int i = 0; i < threads; i++) {
      memory_.push_back({new_words(sums_.groups() * positions * stride(steps, kGroup)),
                         new_words(sums_.slices() * positions * stride(steps, kSlice)),
                         new_words(positions * stride(kGroup, kSlice)), new_words(sums_.size()),
                         std::make_unique<const char *[]>(block_ * pixels),
                         std::make_unique<const char *[]>(block_ * pixels)});
      all_sums_.push_back(memory_.back().sums.get());
    }
  }

  bool takes_norm() const override { return true; }

  void before(const OwnRun &run, int thread, int threads) override {
    const Range mine = Range{0, tiling_.count()}.part(thread, threads);
    Memory &memory = memory_[thread];
    if (mine.size() == 0) memset(memory.sums.get(), 0, sums_.size() * sizeof(float));
    mine.in_blocks(block_, [&](Range block, Range next) {
      add_block(run, block, next, block.first == mine.first, memory);
    });
  }

  void after(const OwnRun &run, int thread, int threads) override {
    sums_.add<Element>(all_sums_.data(), threads, thread, threads, [](int64_t i) { return 9 * i; }, run.weights);
  }

 private:
  static int64_t stride(int64_t rows, int64_t width) { return rows * width + kPad; }  // of positions

  void add_block(const OwnRun &run, Range tiles, Range next, bool first, Memory &memory) const {
    const int64_t steps = (tiles.size() + kTiles - 1) / kTiles;
    for (int64_t step = 0; step < steps; step++) {
      const Range of_step{tiles.first + step * kTiles, std::min(tiles.last, tiles.first + (step + 1) * kTiles)};
      if (run.scale)
        transform_x<NormReLU<Element>>(run, of_step, step, steps, memory.x.get());
      else
        transform_x<AsRead<Element>>(run, of_step, step, steps, memory.x.get());
      transform_dy(run, of_step, step, steps, memory.dy.get());
    }
    for (int64_t i = 0; i < next.size(); i++) {
      tiling_.patch<Tile>(next.first + i, 0, run.x, in_ * Element::kBytes, nullptr, &memory.next_x[i * pixels]);
      tiling_.patch<Tile>(next.first + i, 0, run.y, out_ * Element::kBytes, nullptr, &memory.next_dy[i * pixels]);
    }
    const int64_t turns = sums_.groups() * sums_.slices() * positions * row_blocks<4>(kGroup);
    Prefetch x(memory.next_x.get(), next.size() * pixels, 0, in_ * Element::kBytes, turns);
    Prefetch dy(memory.next_dy.get(), next.size() * pixels, 0, out_ * Element::kBytes, turns);
    for (int64_t group = 0; group < sums_.groups(); group++)
      for (int64_t slice = 0; slice < sums_.slices(); slice++) {
        const int64_t width = sums_.slice_width(slice);
        for (int64_t p = 0; p < positions; p++) {
          const Factors f{memory.x.get() + (group * positions + p) * stride(steps, kGroup), 1,
                          memory.dy.get() + slice * positions * stride(steps, kSlice) + p * stride(steps, width), steps,
                          memory.products.get() + p * stride(kGroup, width)};
          if (width == kSlice)
            multiply<Element, 4, kGroup>(kGroup, f, x, dy);
          else
            multiply<Element, 2, kGroup>(kGroup, f, x, dy);
        }
        float *sums = memory.sums.get() + sums_.block_offset(group, slice);
        if (first)
          transform_back<true>(memory.products.get(), width, sums);
        else
          transform_back<false>(memory.products.get(), width, sums);
      }
  }

  template <class Read>
  void transform_x(const OwnRun &run, Range tiles, int64_t step, int64_t steps, float *to) const {
    const char *patches[kTiles][positions];
    patch<InputSide<Tile>>(run.x, in_, tiles, patches[0]);
    for (int64_t group = 0; group < sums_.groups(); group++, to += positions * stride(steps, kGroup))
      transform<InputSide<Tile>, Read>(run, patches[0], group, in_, to + step * kGroup, stride(steps, kGroup));
  }

  void transform_dy(const OwnRun &run, Range tiles, int64_t step, int64_t steps, float *to) const {
    const char *patches[kTiles][pixels];
    patch<OutputGradSide<Tile>>(run.y, out_, tiles, patches[0]);
    for (int64_t slice = 0; slice < sums_.slices(); slice++, to += positions * stride(steps, kSlice)) {
      const int64_t width = sums_.slice_width(slice);
      for (int64_t lane = 0; lane < width; lane += kGroup)
        transform<OutputGradSide<Tile>, AsRead<Element>>(run, patches[0], (slice * kSlice + lane) / kGroup, out_,
                                                         to + step * width + lane, stride(steps, width));
    }
  }

  // patch lists the pixels of the tiles of one step; where the tiles end before it does, zeros.
  template <class Side>
  void patch(const char *images, int64_t channels, Range tiles, const char **patches) const {
    for (int64_t i = 0; i < tiles.size(); i++, patches += Side::size * Side::size)
      tiling_.template patch<Side::size>(tiles.first + i, Side::offset, images, channels * Element::kBytes, outside(),
                                         patches);
    if (tiles.size() < kTiles) std::fill_n(patches, Side::size * Side::size, outside());
  }

  const char *outside() const { return reinterpret_cast<const char *>(zeros_.get()); }

  template <class Side, class Read>
  void transform(const OwnRun &run, const char *const *patches, int64_t group, int64_t channels, float *to,
                 int64_t stride) const {
    const __mmask32 mask = first_channels(channels - group * kGroup);
    const Read read(run, group, mask, outside());
    if (mask == ~__mmask32{0})
      transform_group<Side, true>(patches, group, mask, read, to, stride);
    else
      transform_group<Side, false>(patches, group, mask, read, to, stride);
  }

  template <class Side, bool Full, class Read>
  static void transform_group(const char *const *patches, int64_t group, __mmask32 mask, const Read &read, float *to,
                              int64_t stride) {
    Vector half[kTiles][2][n][Side::size];
    for (int64_t i = 0; i < kTiles; i++)
      transform_columns<Element, Side, Full>(patches + i * Side::size * Side::size, group * kGroup * Element::kBytes, mask,
                                             read, half[i]);
    for (int y = 0; y < n; y++)
      for (int64_t v = 0; v < kTiles; v++) {  // bfloat16: even channels of both tiles, then odd ones
        Vector first[n], second[n];
        if constexpr (kTiles == 2) {
          Side::apply(half[0][v][y], first);
          Side::apply(half[1][v][y], second);
        } else {
          Side::apply(half[0][0][y], first);
          Side::apply(half[0][1][y], second);
        }
#pragma GCC unroll 6
        for (int x = 0; x < n; x++) {
          float *word = to + (y * n + x) * stride + v * 16;
          if constexpr (kTiles == 2)
            Element::store_interleaved(word, first[x], second[x]);
          else
            Element::store_words(word, first[x], second[x]);
        }
      }
  }

  template <bool First>
  static void transform_back(const float *products, int64_t width, float *sums) {
    for (int64_t i = 0; i < kGroup * width; i += 16) {
      Vector half[3][n];
#pragma GCC unroll 6
      for (int x = 0; x < n; x++) {
        Vector column[n], g[3];
#pragma GCC unroll 6
        for (int y = 0; y < n; y++) column[y] = _mm512_loadu_ps(products + (y * n + x) * stride(kGroup, width) + i);
        T::weight_grad(column, g);
#pragma GCC unroll 3
        for (int y = 0; y < 3; y++) half[y][x] = g[y];
      }
#pragma GCC unroll 3
      for (int y = 0; y < 3; y++) {
        Vector g[3];
        T::weight_grad(half[y], g);
#pragma GCC unroll 3
        for (int x = 0; x < 3; x++) {
          float *sum = sums + (y * 3 + x) * kGroup * width + i;
          _mm512_storeu_ps(sum, First ? g[x] : plus(_mm512_loadu_ps(sum), g[x]));
        }
      }
    }
  }

  Tiling tiling_;
  int64_t in_, out_;
  WeightSums sums_;
  int64_t block_;
  Words zeros_;
  std::vector<Memory> memory_;
  std::vector<float *> all_sums_;
};

template <class Element>
std::unique_ptr<OwnKernel> make(int tile, const tv_convolution_shape &shape, int threads) {
  if (tile == 2) return std::make_unique<WeightGrad<Element, 2>>(shape, threads);
  return std::make_unique<WeightGrad<Element, 4>>(shape, threads);
}

}  // namespace

std::unique_ptr<OwnKernel> new_winograd_weight_grad(tv_precision precision, int tile,
                                                         const tv_convolution_shape &shape, int threads) {
  if (precision == TV_BFLOAT16) return make<BFloat16>(tile, shape, threads);
  return make<Float32>(tile, shape, threads);
}

}  // namespace twinview
TV_AVX512_END
#endif
