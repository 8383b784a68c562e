#include "products.h"
#include "winograd_side.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {
namespace {

// The input gradient is a forward convolution of dy with the kernel turned and the channels swapped, so there is one code
// for both. Every thread has its own tiles and takes them in blocks: transform the block's input, then for 64 output
// channels at a time multiply, transform back and write. A block's matrices stay in the second-level cache.
template <class Element, int Tile>
class Forward final : public OwnKernel {
  using T = Transform<Tile>;
  static constexpr int n = T::n, positions = n * n, pixels = Tile * Tile;

  struct Memory {
    Words input, products;
    std::unique_ptr<const char *[]> next, output;  // pixels of the next block's input and of this block's output
  };

 public:
  Forward(bool input_grad, tv_precision precision, const tv_convolution_shape &s, int threads)
      : input_grad_(input_grad),
        tiling_{s.batch, s.height, s.width, Tile},
        weights_{input_grad, precision, Tile, s.in, s.out},
        block_(std::min(weights_.from() >= 512 ? int64_t{64} : int64_t{24},
                        std::max<int64_t>(1, (tiling_.count() + threads - 1) / threads))),
        packed_(new_words(weights_.size())),
        zeros_(new_words(round_up(weights_.from(), kGroup))) {
    for (int i = 0; i < threads; i++)
      memory_.push_back({new_words(positions * input_stride(block_)), new_words(positions * product_stride(block_, kSlice)),
                         std::make_unique<const char *[]>(block_ * pixels),
                         std::make_unique<const char *[]>(block_ * pixels)});
  }

  bool takes_norm() const override { return !input_grad_; }

  void before(const OwnRun &run, int thread, int threads) override {
    weights_.pack(run.weights, packed_.get(), thread, threads);
  }

  void after(const OwnRun &run, int thread, int threads) override {
    const Range mine = Range{0, tiling_.count()}.part(thread, threads);
    mine.in_blocks(block_, [&](Range block, Range next) { compute(run, block, next, memory_[thread]); });
  }

 private:
  int64_t input_stride(int64_t tiles) const { return tiles * weights_.words() + kPad; }
  static int64_t product_stride(int64_t tiles, int64_t width) { return tiles * width + kPad; }

  void compute(const OwnRun &run, Range tiles, Range next, Memory &memory) const {
    const char *from = input_grad_ ? run.y : run.x;
    const char *to = input_grad_ ? run.x : run.y;
    for (int64_t i = 0; i < tiles.size(); i++) {
      float *input = memory.input.get() + i * weights_.words();
      if (run.scale)
        transform<NormReLU<Element>>(run, from, tiles.first + i, input, input_stride(tiles.size()));
      else
        transform<AsRead<Element>>(run, from, tiles.first + i, input, input_stride(tiles.size()));
      tiling_.patch<Tile>(tiles.first + i, 0, to, weights_.to() * Element::kBytes, nullptr, &memory.output[i * pixels]);
    }
    for (int64_t i = 0; i < next.size(); i++)
      tiling_.patch<Tile>(next.first + i, 0, from, weights_.from() * Element::kBytes, nullptr, &memory.next[i * pixels]);

    const int64_t turns = positions * row_blocks<4>(tiles.size());
    Prefetch input(memory.next.get(), next.size() * pixels, 0, weights_.from() * Element::kBytes,
                   turns * weights_.slices());
    for (int64_t slice = 0; slice < weights_.slices(); slice++) {
      const int64_t width = weights_.slice_width(slice);
      const int64_t channels = std::min(weights_.to() - slice * kSlice, kSlice);
      Prefetch output(memory.output.get(), tiles.size() * pixels, slice * kSlice * Element::kBytes,
                      channels * Element::kBytes, turns);
      for (int64_t p = 0; p < positions; p++) {
        const Factors f{memory.input.get() + p * input_stride(tiles.size()), weights_.words(),
                        packed_.get() + weights_.slice_offset(slice) + p * weights_.position_size(slice),
                        weights_.words(), memory.products.get() + p * product_stride(tiles.size(), width)};
        if (width == kSlice)
          multiply<Element, 4, 1>(tiles.size(), f, input, output);
        else
          multiply<Element, 2, 1>(tiles.size(), f, input, output);
      }
      for (int64_t i = 0; i < tiles.size(); i++)
        transform_back(memory.products.get() + i * width, product_stride(tiles.size(), width), slice,
                       &memory.output[i * pixels], run.accumulate);
    }
  }

  template <class Read>
  void transform(const OwnRun &run, const char *from, int64_t tile, float *to, int64_t stride) const {
    const char *patch[positions], *outside = reinterpret_cast<const char *>(zeros_.get());
    tiling_.patch<n>(tile, 1, from, weights_.from() * Element::kBytes, outside, patch);
    const int64_t full = weights_.from() / kGroup;
    for (int64_t group = 0; group < full; group++) {
      const __mmask32 all = ~__mmask32{0};
      transform_group<true>(patch, group, all, Read(run, group, all, outside), to, stride);
    }
    const __mmask32 rest = first_channels(weights_.from() % kGroup);
    if (rest) transform_group<false>(patch, full, rest, Read(run, full, rest, outside), to, stride);
  }

  template <bool Full, class Read>
  static void transform_group(const char *const *patch, int64_t group, __mmask32 mask, const Read &read, float *to,
                              int64_t stride) {
    Vector half[2][n][n];
    transform_columns<Element, InputSide<Tile>, Full>(patch, group * kGroup * Element::kBytes, mask, read, half);
    to += group * kGroup / Element::kPerWord;
    for (int y = 0; y < n; y++) {
      Vector v[2][n];
      T::input(half[0][y], v[0]);
      T::input(half[1][y], v[1]);
#pragma GCC unroll 6
      for (int x = 0; x < n; x++, to += stride) Element::store_words(to, v[0][x], v[1][x]);
    }
  }

  void transform_back(const float *from, int64_t stride, int64_t slice, const char *const *to, bool accumulate) const {
    for (int64_t c = slice * kSlice; c < std::min(weights_.to(), (slice + 1) * kSlice); c += kGroup, from += kGroup) {
      const __mmask32 mask = first_channels(weights_.to() - c);
      if (accumulate)
        transform_group_back<true>(from, stride, c, mask, to);
      else
        transform_group_back<false>(from, stride, c, mask, to);
    }
  }

  template <bool Accumulate>
  static void transform_group_back(const float *from, int64_t stride, int64_t channel, __mmask32 mask,
                                   const char *const *to) {
    Vector half[2][Tile][n];
    for (int x = 0; x < n; x++) {
      Vector m[2][n], y[2][Tile];
#pragma GCC unroll 6
      for (int i = 0; i < n; i++) {
        const float *product = from + (i * n + x) * stride;
        m[0][i] = _mm512_loadu_ps(product);
        m[1][i] = _mm512_loadu_ps(product + 16);
      }
      T::output(m[0], y[0]);
      T::output(m[1], y[1]);
#pragma GCC unroll 4
      for (int i = 0; i < Tile; i++) {
        half[0][i][x] = y[0][i];
        half[1][i][x] = y[1][i];
      }
    }
    for (int i = 0; i < Tile; i++) {
      Vector y[2][Tile];
      T::output(half[0][i], y[0]);
      T::output(half[1][i], y[1]);
      for (int x = 0; x < Tile; x++) {
        char *pixel = const_cast<char *>(to[i * Tile + x]);
        if (!pixel) continue;  // outside the image
        pixel += channel * Element::kBytes;
        if (Accumulate) {
          Vector before[2];
          Element::load_in_order(pixel, mask, before);
          y[0][x] = plus(y[0][x], before[0]);
          y[1][x] = plus(y[1][x], before[1]);
        }
        if (mask == ~__mmask32{0})
          Element::store(pixel, y[0][x], y[1][x]);
        else
          Element::store(pixel, mask, y[0][x], y[1][x]);
      }
    }
  }

  bool input_grad_;
  Tiling tiling_;
  PackedWeights weights_;
  int64_t block_;  // tiles
  Words packed_, zeros_;
  std::vector<Memory> memory_;
};

template <class Element>
std::unique_ptr<OwnKernel> make(bool input_grad, tv_precision precision, int tile, const tv_convolution_shape &shape,
                                     int threads) {
  if (tile == 2) return std::make_unique<Forward<Element, 2>>(input_grad, precision, shape, threads);
  return std::make_unique<Forward<Element, 4>>(input_grad, precision, shape, threads);
}

}  // namespace

std::unique_ptr<OwnKernel> new_winograd_forward(bool input_grad, tv_precision precision, int tile,
                                                     const tv_convolution_shape &shape, int threads) {
  if (precision == TV_BFLOAT16) return make<BFloat16>(input_grad, precision, tile, shape, threads);
  return make<Float32>(input_grad, precision, tile, shape, threads);
}

}  // namespace twinview
TV_AVX512_END
#endif
