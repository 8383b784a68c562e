// The C side of the CPU engine: convolutions and matrix products on oneDNN, everything else as plain loops that the
// compiler vectorises. Activations are NHWC, convolution weights OIHW. Activations and their gradients have the element
// type that a tv_precision says and are void pointers here; everything else is float32. Every function that can fail
// returns NULL on success and else a message that stays valid until the calling thread's next failure.
#ifndef TWINVIEW_ENGINE_CPU_BRIDGE_H
#define TWINVIEW_ENGINE_CPU_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tv_precision { TV_FLOAT32, TV_BFLOAT16 };

// memory.cc
void *tv_alloc(size_t bytes);  // zeroed, 64-byte aligned; NULL when there is not enough
void tv_free(void *memory);
void tv_set_threads(int threads);
const char *tv_cpu_name(void);  // "" where it is unknown

// convolution.cc
enum tv_direction { TV_FORWARD, TV_INPUT_GRAD, TV_WEIGHT_GRAD };
typedef struct {
  int64_t batch, height, width, in, out, kernel, stride, pad;
} tv_convolution_shape;
typedef struct tv_convolution tv_convolution;
const char *tv_convolution_new(enum tv_direction direction, enum tv_precision precision, tv_convolution_shape shape,
                               tv_convolution **made);
void tv_convolution_free(tv_convolution *convolution);
// The tensors are x [N,H,W,I], weights [O,I,K,K] and y [N,H',W',O], or their gradients; the direction says which is
// written.
const char *tv_convolution_run(tv_convolution *convolution, void *x, float *weights, void *y);
int tv_has_bfloat16(void);  // whether oneDNN has fast bfloat16 convolutions for this CPU
const char *tv_onednn_version(void);

// Our own convolutions. They need AVX-512, and in bfloat16 AVX512-BF16.
typedef struct tv_own tv_own;
int tv_own_supports(enum tv_precision precision);
// These make a convolution with all its work memory, for as many threads as OpenMP may use now.
// winograd*.cc: 3×3, stride 1, pad 1, by Winograd's F(tile×tile, 3×3). tile is 2 or 4: the larger is faster and less
// accurate.
const char *tv_winograd_new(enum tv_direction direction, enum tv_precision precision, int tile,
                            tv_convolution_shape shape, tv_own **made);
// direct*.cc: without transforms.
int tv_direct_supports(enum tv_direction direction, enum tv_precision precision, tv_convolution_shape shape);
const char *tv_direct_new(enum tv_direction direction, enum tv_precision precision, tv_convolution_shape shape,
                          tv_own **made);
void tv_own_free(tv_own *convolution);
// What a run does in passing; all zero is nothing.
typedef struct {
  int accumulate;  // TV_INPUT_GRAD: adds the gradient to what x holds
  // Winograd's TV_FORWARD and TV_WEIGHT_GRAD: with stats given, the convolution's input is the ReLU of x's batch norm. The
  // padding around it stays zero.
  double epsilon;
  const float *stats, *weight, *bias;
} tv_fused;
// The tensors are those of tv_convolution_run. One tv_own must not be run twice at a time.
const char *tv_own_run(tv_own *convolution, void *x, float *weights, void *y, const tv_fused *fused);

// matmul.cc
// c [m,n] = a·b, where a is [m,k] ([k,m] if trans_a) and b is [k,n] ([n,k] if trans_b), row major.
const char *tv_matmul(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const float *a, const float *b, float *c);

// batchnorm.cc; x is [rows, channels], stats [2, channels]: the mean, then the biased variance.
size_t tv_reduction_scratch(int64_t rows, int64_t channels);  // in doubles
void tv_batch_stats(enum tv_precision precision, int64_t rows, int64_t channels, const void *x, double *scratch,
                    float *stats);
// y = batch norm of x, plus residual if that is not NULL, then ReLU if relu is set.
void tv_batch_norm(enum tv_precision precision, int64_t rows, int64_t channels, double epsilon, const void *x,
                   const float *stats, const float *weight, const float *bias, const void *residual, int relu, void *y);
// grad is [2, channels]: that of weight, then that of bias. With weight and bias given, dy is the gradient behind a ReLU
// that followed the batch norm, otherwise they are NULL.
void tv_batch_norm_affine_grad(enum tv_precision precision, int64_t rows, int64_t channels, double epsilon,
                               const void *x, const float *stats, const float *weight, const float *bias,
                               const void *dy, double *scratch, float *grad);
// The same where a residual was added before the ReLU. y is the ReLU's result, masked becomes the gradient before it.
void tv_relu_batch_norm_affine_grad(enum tv_precision precision, int64_t rows, int64_t channels, double epsilon,
                                    const void *x, const float *stats, const void *y, const void *dy, double *scratch,
                                    void *masked, float *grad);
// With bias given, dy is the gradient behind a ReLU that followed the batch norm, otherwise it is NULL.
void tv_batch_norm_input_grad(enum tv_precision precision, int64_t rows, int64_t channels, double epsilon,
                              const void *x, const float *stats, const float *weight, const float *bias,
                              const void *dy, const float *affine_grad, void *dx);
void tv_column_sum(int64_t rows, int64_t channels, const float *x, double *scratch, float *sum);

// elementwise.cc; an output may be the same memory as an input.
void tv_relu(enum tv_precision precision, int64_t n, const void *x, void *y);
void tv_relu_grad(enum tv_precision precision, int64_t n, const void *y, const void *dy, void *dx);
void tv_add(enum tv_precision precision, int64_t n, const void *a, const void *b, void *sum);
void tv_add_bias(int64_t rows, int64_t channels, const float *x, const float *bias, float *y);
void tv_narrow(int64_t n, const float *x, void *y);  // to bfloat16
void tv_widen(int64_t n, const void *x, float *y);   // from bfloat16

// pool.cc; x is [batch, pixels, channels].
void tv_average_pool(enum tv_precision precision, int64_t batch, int64_t pixels, int64_t channels, const void *x,
                     float *y);
void tv_average_pool_grad(enum tv_precision precision, int64_t batch, int64_t pixels, int64_t channels,
                          const float *dy, void *dx);

// ntxent.cc; z is [views, dim] with rows of unit length; those whose distance is a multiple of images are of one image.
const char *tv_ntxent(int64_t views, int64_t images, int64_t dim, double temperature, const float *z, float *loss);
const char *tv_ntxent_grad(int64_t views, int64_t images, int64_t dim, double temperature, const float *z,
                           const float *dloss, float *dz);

// normalize.cc; matrices of one shape.
void tv_l2_normalize(int64_t rows, int64_t width, const float *x, float *y);
void tv_l2_normalize_grad(int64_t rows, int64_t width, const float *x, const float *y, const float *dy, float *dx);
void tv_standardize(int64_t rows, int64_t columns, const float *x, float *y);
void tv_standardize_grad(int64_t rows, int64_t columns, const float *x, const float *y, const float *dy, float *dx);
// dx, of `total` elements, is dy's n from offset on and zero elsewhere.
void tv_rows_grad(int64_t offset, int64_t n, int64_t total, const float *dy, float *dx);

// crossentropy.cc; logits are [rows, classes], labels [rows] class indices; any other label is a failure.
const char *tv_cross_entropy(int64_t rows, int64_t classes, const float *logits, const float *labels, float *loss);
const char *tv_cross_entropy_grad(int64_t rows, int64_t classes, const float *logits, const float *labels,
                                  const float *dloss, float *dlogits);

// barlowtwins.cc; a and b are [rows, width] with columns of unit length. The gradient is by a; that by b is the same with both
// exchanged.
const char *tv_redundancy_reduction(int64_t rows, int64_t width, double lambda, const float *a, const float *b, float *loss);
const char *tv_redundancy_reduction_grad(int64_t rows, int64_t width, double lambda, const float *a, const float *b,
                                         const float *dloss, float *da);

// optimizer.cc; a step moves all parameters and returns 1 if all values and buffers are finite then, else 0.
typedef struct {
  float *value;
  const float *grad;
  float *buffers[2];  // NULL where the rule keeps fewer
  int64_t length;
  int excluded;  // from weight decay and from LARS's trust ratio
} tv_parameter;
typedef struct tv_optimizer tv_optimizer;
tv_optimizer *tv_optimizer_new(const tv_parameter *parameters, int64_t n);  // copies the table, not what it points to
void tv_optimizer_free(tv_optimizer *optimizer);
int tv_sgd(tv_optimizer *optimizer, double rate, double decay, double momentum, int nesterov);
int tv_lars(tv_optimizer *optimizer, double rate, double decay, double momentum, int nesterov, double trust,
            double excluded_rate);
int tv_adamw(tv_optimizer *optimizer, double rate, double decay, double beta1, double beta2, double epsilon,
             int64_t step);

#ifdef __cplusplus
}
#endif
#endif
