// Partial gradients by the filters of dy and x, by implicit_gemm.h. Out and in in multiples of 8 for bfloat16, of 4 for tf32;
// in of 4 for `few`.
#include "implicit_gemm.h"

IMPLICIT_GEMM(convolution_weight_gradient_bfloat16_128x128, WeightGradient<BFloat16, Tile<128, 128, 32, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_weight_gradient_bfloat16_64x128, WeightGradient<BFloat16, Tile<64, 128, 32, 32, 64, 4>>)
IMPLICIT_GEMM(convolution_weight_gradient_bfloat16_64x64, WeightGradient<BFloat16, Tile<64, 64, 32, 32, 32, 5>>)
IMPLICIT_GEMM(convolution_weight_gradient_few_bfloat16_64x64, WeightGradientOfFew<BFloat16, Tile<64, 64, 64, 32, 32, 3>>)

IMPLICIT_GEMM(convolution_weight_gradient_tf32_128x128, WeightGradient<TF32, Tile<128, 128, 16, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_weight_gradient_tf32_64x64, WeightGradient<TF32, Tile<64, 64, 16, 32, 32, 4>>)

IMPLICIT_GEMM(convolution_weight_gradient_float32_128x64, WeightGradient<Float32, Tile<128, 64, 8, 64, 32, 4>>)
IMPLICIT_GEMM(convolution_weight_gradient_float32_64x64, WeightGradient<Float32, Tile<64, 64, 8, 32, 32, 4>>)
