#include "winograd.h"

extern "C" const char *tv_winograd_new(enum tv_direction direction, enum tv_precision precision, int tile,
                                       tv_convolution_shape s, tv_own **made) {
  using namespace twinview;
  if (!tv_own_supports(precision)) return fail_own("this CPU or build has no AVX-512 for the precision");
  if (tile != 2 && tile != 4) return fail_own("Winograd's tile is neither 2 nor 4");
  if (s.kernel != 3 || s.stride != 1 || s.pad != 1) return fail_own("Winograd's wants a 3×3 kernel, stride 1, pad 1");
  if (s.batch < 1 || s.height < 1 || s.width < 1 || s.in < 1 || s.out < 1) return fail_own("empty tensor");
#if TV_HAS_AVX512
  return make_own(
      s,
      [=](int threads) {
        return direction == TV_WEIGHT_GRAD
                   ? new_winograd_weight_grad(precision, tile, s, threads)
                   : new_winograd_forward(direction == TV_INPUT_GRAD, precision, tile, s, threads);
      },
      made);
#else
  (void)direction, (void)made;
  return fail_own("not in this build");
#endif
}
