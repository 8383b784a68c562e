// What the files of our own convolutions share, Winograd's and direct ones.
#ifndef TWINVIEW_ENGINE_CPU_OWN_H
#define TWINVIEW_ENGINE_CPU_OWN_H

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "bridge.h"

// gcc 10 is the first that knows AVX512-BF16.
#if defined(__x86_64__) && ((defined(__clang__) && __clang_major__ >= 11) || (!defined(__clang__) && __GNUC__ >= 10))
#define TV_HAS_AVX512 1
#include <immintrin.h>
#else
#define TV_HAS_AVX512 0
#endif

// The package is compiled for any CPU; what stands between these two is compiled for AVX-512 and only called where
// tv_own_supports says so. Headers must be included before.
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
  // Calls body(block, next) for blocks of at most most. The next one, whose input can be prefetched, is empty at the end.
  template <class Body>
  void in_blocks(int64_t most, Body body) const {
    const int64_t blocks = (size() + most - 1) / most;
    for (int64_t i = 0; i < blocks; i++) body(part(i, blocks), i + 1 < blocks ? part(i + 1, blocks) : Range{0, 0});
  }
};

// OwnRun is what a run is given; which of x, weights, y is written follows from the direction. With scale, the input is
// not x but its batch norm x·scale + shift, channel by channel, and ReLU.
struct OwnRun {
  char *x;
  float *weights;
  char *y;
  bool accumulate;
  const float *scale, *shift;
};

// OwnKernel is a convolution of one direction, precision and shape. All threads run before, and when all have, after.
class OwnKernel {
 public:
  virtual ~OwnKernel() = default;
  virtual bool takes_norm() const { return false; }  // whether it can be run with a scale
  virtual void before(const OwnRun &run, int thread, int threads) = 0;
  virtual void after(const OwnRun &run, int thread, int threads) = 0;
};

}  // namespace twinview

struct tv_own {
  tv_convolution_shape shape;
  int threads;
  std::unique_ptr<twinview::OwnKernel> kernel;
};

namespace twinview {

// own.cc
const char *fail_own(const char *message);
// make is given the number of threads.
const char *make_own(const tv_convolution_shape &shape, const std::function<std::unique_ptr<OwnKernel>(int)> &make,
                     tv_own **made);

}  // namespace twinview
#endif
