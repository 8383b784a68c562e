#include <dnnl.h>

#include "bridge.h"

extern "C" const char *tv_matmul(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const float *a,
                                 const float *b, float *c) {
  const dnnl_status_t status = dnnl_sgemm(trans_a ? 'T' : 'N', trans_b ? 'T' : 'N', m, n, k, 1.0f, a,
                                          trans_a ? m : k, b, trans_b ? k : n, 0.0f, c, n);
  return status == dnnl_success ? nullptr : "oneDNN: matrix product failed";
}
