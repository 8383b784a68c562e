#include "direct.h"

extern "C" int tv_direct_supports(enum tv_direction direction, enum tv_precision precision, tv_convolution_shape s) {
  if (!tv_own_supports(precision) || s.kernel > twinview::kMaxKernel) return 0;
  // Pairs of bfloat16 channels are read where they lie, and with an odd number the last pair is of two pixels.
  const int64_t from = direction == TV_INPUT_GRAD ? s.out : s.in;
  const bool unrolled = direction == TV_FORWARD && twinview::unrolls(s);
  return direction == TV_WEIGHT_GRAD || precision == TV_FLOAT32 || from % 2 == 0 || unrolled;
}

extern "C" const char *tv_direct_new(enum tv_direction direction, enum tv_precision precision, tv_convolution_shape s,
                                     tv_own **made) {
  using namespace twinview;
  if (!tv_own_supports(precision)) return fail_own("this CPU or build has no AVX-512 for the precision");
  if (s.batch < 1 || s.in < 1 || s.out < 1 || s.kernel < 1 || s.stride < 1 || s.pad < 0 ||
      output_image(s).height < 1 || output_image(s).width < 1)
    return fail_own("empty tensor");
  if (!tv_direct_supports(direction, precision, s)) return fail_own("direct ones do not support the shape");
#if TV_HAS_AVX512
  return make_own(
      s,
      [=](int threads) {
        return direction == TV_WEIGHT_GRAD ? new_direct_weight_grad(precision, s, threads)
                                           : new_direct_forward(direction == TV_INPUT_GRAD, precision, s, threads);
      },
      made);
#else
  (void)made;
  return fail_own("not in this build");
#endif
}
