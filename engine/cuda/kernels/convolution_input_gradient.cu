// dx = gradient by x (+ source) of dy and filters, by implicit_gemm.h. In and out in multiples of 8 for bfloat16, of 4 for
// tf32. For stride 1, and `strided` for every other. Two of the latter divide their tile among eight warps: with four, registers
// would spill.
#include "implicit_gemm.h"

IMPLICIT_GEMM(convolution_input_gradient_bfloat16_128x128, InputGradient<BFloat16, Tile<128, 128, 32, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_bfloat16_256x64, InputGradient<BFloat16, Tile<256, 64, 32, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_bfloat16_64x64, InputGradient<BFloat16, Tile<64, 64, 32, 32, 32, 5>>)
IMPLICIT_GEMM(convolution_input_gradient_tf32_128x128, InputGradient<TF32, Tile<128, 128, 16, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_tf32_128x64, InputGradient<TF32, Tile<128, 64, 16, 64, 32, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_float32_128x64, InputGradient<Float32, Tile<128, 64, 8, 64, 32, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_float32_64x64, InputGradient<Float32, Tile<64, 64, 8, 32, 32, 4>>)

IMPLICIT_GEMM(convolution_input_gradient_strided_bfloat16_128x128,
              StridedInputGradient<BFloat16, Tile<128, 128, 32, 64, 32, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_strided_bfloat16_128x64,
              StridedInputGradient<BFloat16, Tile<128, 64, 32, 64, 32, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_strided_tf32_128x64, StridedInputGradient<TF32, Tile<128, 64, 16, 64, 32, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_strided_tf32_64x64, StridedInputGradient<TF32, Tile<64, 64, 16, 32, 32, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_strided_float32_128x64,
              StridedInputGradient<Float32, Tile<128, 64, 8, 32, 32, 4>>)
IMPLICIT_GEMM(convolution_input_gradient_strided_float32_64x64,
              StridedInputGradient<Float32, Tile<64, 64, 8, 32, 32, 4>>)
