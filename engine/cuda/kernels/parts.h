// Sums that several blocks divide among them.
#ifndef TWINVIEW_CUDA_PARTS_H
#define TWINVIEW_CUDA_PARTS_H

#include "device.h"

struct Range {
  int64_t first, last;
};

// part_of is one of so many parts of 0..size, in whole multiples of step but for the end. The last parts may be shorter, or empty.
__device__ __forceinline__ Range part_of(int64_t size, int64_t step, unsigned number, unsigned parts) {
  const unsigned steps = unsigned((size + step - 1) / step);
  const int64_t each = int64_t((steps + parts - 1) / parts) * step;
  return {min(size, number * each), min(size, (number + 1) * each)};
}

#endif
