// Matrix products of parts of matrices, for kernels that keep what comes out in the cache.
#ifndef TWINVIEW_ENGINE_CPU_MATMUL_H
#define TWINVIEW_ENGINE_CPU_MATMUL_H

#include <cstdint>

namespace twinview {

// A part of a matrix: its first element, how far apart its rows are, and whether it is meant transposed.
struct matrix {
  const float *first;
  int64_t stride;
  bool transposed = false;
};

// multiply makes c [m, n] = a·b of a [m, k] and b [k, n] as they are when transposed, with rows of c `stride` apart. In a parallel
// region it is the calling thread's alone. It returns a message where it fails, else NULL.
const char *multiply(int64_t m, int64_t n, int64_t k, matrix a, matrix b, float *c, int64_t stride);

}  // namespace twinview
#endif
