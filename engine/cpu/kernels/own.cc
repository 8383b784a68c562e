#include "own.h"

#include "batchnorm.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include <string>

namespace {

thread_local std::string failure;

const char *fail(const std::string &message) {
  failure = "own convolution: " + message;
  return failure.c_str();
}

int max_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

}  // namespace

namespace twinview {

const char *fail_own(const char *message) { return fail(message); }

const char *make_own(const tv_convolution_shape &shape, const std::function<std::unique_ptr<OwnKernel>(int)> &make,
                     tv_own **made) {
  try {
    const int threads = max_threads();
    *made = new tv_own{shape, threads, make(threads)};
    return nullptr;
  } catch (const std::exception &e) {
    return fail(e.what());
  }
}

}  // namespace twinview

#if TV_HAS_AVX512
extern "C" int tv_own_supports(enum tv_precision precision) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && (precision == TV_FLOAT32 || __builtin_cpu_supports("avx512bf16"));
}
#else
extern "C" int tv_own_supports(enum tv_precision) { return 0; }
#endif

extern "C" void tv_own_free(tv_own *convolution) { delete convolution; }

extern "C" const char *tv_own_run(tv_own *convolution, void *x, float *weights, void *y, const tv_fused *fused) {
  const int threads = max_threads();
  if (threads > convolution->threads)
    return fail("run on " + std::to_string(threads) + " threads, made for " + std::to_string(convolution->threads));
  if (fused->stats && !convolution->kernel->takes_norm()) return fail("this one does not take a batch norm in");
  const twinview::Line norm(fused->stats ? convolution->shape.in : 0, fused->epsilon, fused->stats, fused->weight,
                            fused->bias);
  const twinview::OwnRun run{static_cast<char *>(x), weights, static_cast<char *>(y), fused->accumulate != 0,
                             fused->stats ? norm.scale.data() : nullptr, norm.shift.data()};
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
  {
    // The team can be smaller than asked for.
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    convolution->kernel->before(run, thread, team);
#pragma omp barrier
    convolution->kernel->after(run, thread, team);
  }
#else
  convolution->kernel->before(run, 0, 1);
  convolution->kernel->after(run, 0, 1);
#endif
  return nullptr;
}
