// Convolutions of oneDNN alone, as fast as the library offers them: the yardstick for the engine. Every function that
// can fail returns NULL on success and else a message that stays valid until the calling thread's next failure.
#ifndef TWINVIEW_BENCH_ONEDNN_H
#define TWINVIEW_BENCH_ONEDNN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bench_direction { BENCH_FORWARD, BENCH_INPUT_GRAD, BENCH_WEIGHT_GRAD };
enum bench_type { BENCH_FLOAT32, BENCH_BFLOAT16 };
typedef struct {
  int64_t batch, height, width, in, out, kernel, stride, pad;
} bench_convolution_shape;
// One way to compute a convolution.
typedef struct {
  enum bench_direction direction;
  enum bench_type type;         // of activations and weights
  enum bench_type weight_grad;  // of the weights' gradient
  int any_layout;               // activations in the layout that oneDNN prefers, else NHWC; weights always as preferred
} bench_convolution_variant;
typedef struct bench_convolution bench_convolution;

const char *bench_convolution_new(bench_convolution_shape shape, bench_convolution_variant variant,
                                  bench_convolution **made);
void bench_convolution_free(bench_convolution *convolution);
// Runs once, on the inputs that all convolutions share, and says how long it took. The first run also touches memory.
const char *bench_convolution_run(bench_convolution *convolution, double *seconds);

void bench_set_threads(int threads);
const char *bench_onednn_version(void);

#ifdef __cplusplus
}
#endif
#endif
