#include "matmul.h"

#include <dnnl.h>

#include "bridge.h"

const char *twinview::multiply(int64_t m, int64_t n, int64_t k, matrix a, matrix b, float *c, int64_t stride) {
  const dnnl_status_t status = dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0f, a.first,
                                          a.stride, b.first, b.stride, 0.0f, c, stride);
  return status == dnnl_success ? nullptr : "oneDNN: matrix product failed";
}

extern "C" const char *tv_matmul(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const float *a,
                                 const float *b, float *c) {
  return twinview::multiply(m, n, k, {a, trans_a ? m : k, trans_a != 0}, {b, trans_b ? k : n, trans_b != 0}, c, n);
}
