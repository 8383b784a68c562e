// y = convolution of x with filters, by implicit_gemm.h. In and out in multiples of 8 for bfloat16, of 4 for tf32; in of 4 for
// `few`.
#include "implicit_gemm.h"

IMPLICIT_GEMM(convolution_forward_bfloat16_128x128, Forward<BFloat16, Tile<128, 128, 32, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_forward_bfloat16_256x64, Forward<BFloat16, Tile<256, 64, 32, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_forward_bfloat16_64x64, Forward<BFloat16, Tile<64, 64, 32, 32, 32, 5>>)
IMPLICIT_GEMM(convolution_forward_few_bfloat16_128x64, ForwardOfFew<BFloat16, Tile<128, 64, 32, 64, 32, 3>>)

IMPLICIT_GEMM(convolution_forward_tf32_128x128, Forward<TF32, Tile<128, 128, 16, 64, 64, 4>>)
IMPLICIT_GEMM(convolution_forward_tf32_128x64, Forward<TF32, Tile<128, 64, 16, 64, 32, 4>>)

IMPLICIT_GEMM(convolution_forward_float32_128x64, Forward<Float32, Tile<128, 64, 8, 64, 32, 4>>)
IMPLICIT_GEMM(convolution_forward_float32_64x64, Forward<Float32, Tile<64, 64, 8, 32, 32, 4>>)
