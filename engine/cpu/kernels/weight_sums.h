// A thread's sums of a weight gradient: for every 32 input and 64 output channels [tap][32][64], or 32 in place of 64 where
// the last slice is narrow.
#ifndef TWINVIEW_ENGINE_CPU_WEIGHT_SUMS_H
#define TWINVIEW_ENGINE_CPU_WEIGHT_SUMS_H

#include "element.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {

struct WeightSums {
  int64_t in, out, taps;

  int64_t groups() const { return (in + kGroup - 1) / kGroup; }
  int64_t slices() const { return (out + kSlice - 1) / kSlice; }
  int64_t slice_width(int64_t slice) const { return out - slice * kSlice > kGroup ? kSlice : kGroup; }
  int64_t block_size() const { return taps * kGroup * kSlice; }
  int64_t block_offset(int64_t group, int64_t slice) const { return (group * slices() + slice) * block_size(); }
  int64_t size() const { return groups() * slices() * block_size(); }

  // add takes a thread's share of the blocks, adds the threads' sums in their order to the first's and writes the weights.
  // begin tells where in a kernel of OIHW an input channel's weights begin.
  template <class Element, class Begin>
  void add(float *const *sums, int count, int thread, int threads, Begin begin, float *weights) const {
    const Range mine = Range{0, groups() * slices()}.part(thread, threads);
    for (int64_t block = mine.first; block < mine.last; block++) {
      float *sum = sums[0] + block * block_size();
      for (int t = 1; t < count; t++) {
        const float *other = sums[t] + block * block_size();
        for (int64_t i = 0; i < block_size(); i += 16)
          _mm512_storeu_ps(sum + i, plus(_mm512_loadu_ps(sum + i), _mm512_loadu_ps(other + i)));
      }
      write<Element>(sum, block / slices(), block % slices(), begin, weights);
    }
  }

 private:
  template <class Element, class Begin>
  void write(const float *sums, int64_t group, int64_t slice, Begin begin, float *weights) const {
    const int64_t width = slice_width(slice);
    for (int64_t lane = 0; lane < width; lane++) {
      const int64_t o = slice * kSlice + lane / kGroup * kGroup + Element::channel(lane % kGroup);
      if (o >= out) continue;
      for (int64_t row = 0; row < kGroup; row++) {
        const int64_t i = group * kGroup + Element::channel(row);
        if (i >= in) continue;
        float *to = weights + o * in * taps + begin(i);
        for (int64_t k = 0; k < taps; k++) to[k] = sums[(k * kGroup + row) * width + lane];
      }
    }
  }
};

}  // namespace twinview
TV_AVX512_END
#endif
#endif
