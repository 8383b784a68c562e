#include "winograd.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include <string>

namespace {

thread_local std::string failure;

const char *fail(const std::string &message) {
  failure = "Winograd: " + message;
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

struct tv_winograd {
  int threads;
  std::unique_ptr<twinview::WinogradKernel> kernel;
};

#if TV_WINOGRAD
extern "C" int tv_winograd_supports(enum tv_precision precision) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && (precision == TV_FLOAT32 || __builtin_cpu_supports("avx512bf16"));
}
#else
extern "C" int tv_winograd_supports(enum tv_precision) { return 0; }
#endif

extern "C" const char *tv_winograd_new(enum tv_direction direction, enum tv_precision precision, int tile,
                                       tv_convolution_shape s, tv_winograd **made) {
  if (!tv_winograd_supports(precision)) return fail("this CPU or build has no AVX-512 for the precision");
  if (tile != 2 && tile != 4) return fail("tile of " + std::to_string(tile) + ", want 2 or 4");
  if (s.kernel != 3 || s.stride != 1 || s.pad != 1) return fail("want a 3×3 kernel, stride 1, pad 1");
  if (s.batch < 1 || s.height < 1 || s.width < 1 || s.in < 1 || s.out < 1) return fail("empty tensor");
#if TV_WINOGRAD
  try {
    const int threads = max_threads();
    *made = new tv_winograd{threads, direction == TV_WEIGHT_GRAD
                                         ? twinview::new_winograd_weight_grad(precision, tile, s, threads)
                                         : twinview::new_winograd_forward(direction == TV_INPUT_GRAD, precision, tile, s,
                                                                          threads)};
    return nullptr;
  } catch (const std::exception &e) {
    return fail(e.what());
  }
#else
  (void)direction, (void)made;
  return fail("not in this build");
#endif
}

extern "C" void tv_winograd_free(tv_winograd *winograd) { delete winograd; }

extern "C" const char *tv_winograd_run(tv_winograd *winograd, void *x, float *weights, void *y, int accumulate) {
  const int threads = max_threads();
  if (threads > winograd->threads)
    return fail("run on " + std::to_string(threads) + " threads, made for " + std::to_string(winograd->threads));
  const twinview::WinogradRun run{static_cast<char *>(x), weights, static_cast<char *>(y), accumulate != 0};
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
  {
    // The team can be smaller than asked for.
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    winograd->kernel->before(run, thread, team);
#pragma omp barrier
    winograd->kernel->after(run, thread, team);
  }
#else
  winograd->kernel->before(run, 0, 1);
  winograd->kernel->after(run, 0, 1);
#endif
  return nullptr;
}
