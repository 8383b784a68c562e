// The device's side of implicit_gemm.h.
#ifndef TWINVIEW_CUDA_IMPLICIT_GEMM_CUTLASS_H
#define TWINVIEW_CUDA_IMPLICIT_GEMM_CUTLASS_H

#include "cutlass/cutlass.h"
#include "cutlass/conv/kernel/default_conv2d_dgrad.h"
#include "cutlass/conv/kernel/default_conv2d_fprop.h"
#include "cutlass/conv/kernel/default_conv2d_wgrad.h"
#include "cutlass/epilogue/thread/linear_combination.h"

namespace {

using cutlass::conv::IteratorAlgorithm;
using cutlass::conv::Operator;
using cutlass::conv::StrideSupport;
using Layout = cutlass::layout::TensorNHWC;

// How numbers are multiplied; sums are float32. Channels come in fours or eights where they are read 8 or 16 bytes at a time.
struct BFloat16 {
  using Element = cutlass::bfloat16_t;
  using Unit = cutlass::arch::OpClassTensorOp;
  using Instruction = cutlass::gemm::GemmShape<16, 8, 16>;
  static constexpr int together = 8, few = 4;
};
// float32 whose factors are rounded to 10 bits behind the point.
struct TF32 {
  using Element = float;
  using Unit = cutlass::arch::OpClassTensorOp;
  using Instruction = cutlass::gemm::GemmShape<16, 8, 8>;
  static constexpr int together = 4, few = 4;
};
struct Float32 {
  using Element = float;
  using Unit = cutlass::arch::OpClassSimt;
  using Instruction = cutlass::gemm::GemmShape<1, 1, 1>;
  static constexpr int together = 1, few = 1;
};

template <typename T>
using Block = cutlass::gemm::GemmShape<T::m, T::n, T::k>;
template <typename T>
using Warp = cutlass::gemm::GemmShape<T::warp_m, T::warp_n, T::k>;

// The result, in Element, `Together` of them at a time: the product and 0 or 1 times the source.
template <typename Element, int Together>
using Epilogue = cutlass::epilogue::thread::LinearCombination<Element, Together, float, float>;

// The order in which blocks go through the tiles: up to four beside each other share rows in the cache.
using Order = cutlass::gemm::threadblock::GemmIdentityThreadblockSwizzle<4>;
using StridedOrder = cutlass::conv::threadblock::StridedDgradIdentityThreadblockSwizzle<4>;

template <typename Number, typename T, IteratorAlgorithm Algorithm, int Together>
using Fprop = typename cutlass::conv::kernel::DefaultConv2dFprop<
    typename Number::Element, Layout, typename Number::Element, Layout, typename Number::Element, Layout, float,
    typename Number::Unit, cutlass::arch::Sm80, Block<T>, Warp<T>, typename Number::Instruction,
    Epilogue<typename Number::Element, Number::together>, Order, T::stages, cutlass::arch::OpMultiplyAdd, Algorithm,
    StrideSupport::kStrided, Together, Together>::Kernel;

template <typename Number, typename T, StrideSupport Stride, typename Swizzle>
using Dgrad = typename cutlass::conv::kernel::DefaultConv2dDgrad<
    typename Number::Element, Layout, typename Number::Element, Layout, typename Number::Element, Layout, float,
    typename Number::Unit, cutlass::arch::Sm80, Block<T>, Warp<T>, typename Number::Instruction,
    Epilogue<typename Number::Element, Number::together>, Swizzle, T::stages, cutlass::arch::OpMultiplyAdd,
    IteratorAlgorithm::kOptimized, Stride, Number::together, Number::together>::Kernel;

template <typename Number, typename T, IteratorAlgorithm Algorithm, int Together>
using Wgrad = typename cutlass::conv::kernel::DefaultConv2dWgrad<
    typename Number::Element, Layout, typename Number::Element, Layout, float, Layout, float, typename Number::Unit,
    cutlass::arch::Sm80, Block<T>, Warp<T>, typename Number::Instruction,
    Epilogue<float, Number::together == 1 ? 1 : 4>, Order, T::stages, cutlass::arch::OpMultiplyAdd, Algorithm,
    StrideSupport::kStrided, Number::together, Together>::Kernel;

template <typename Number, typename T>
using Forward = Fprop<Number, T, IteratorAlgorithm::kOptimized, Number::together>;
// For the first layer: sums over all of kernel, kernel and in at once, where Forward would fill up the few channels to K.
template <typename Number, typename T>
using ForwardOfFew = Fprop<Number, T, IteratorAlgorithm::kFewChannels, Number::few>;
template <typename Number, typename T>
using InputGradient = Dgrad<Number, T, StrideSupport::kUnity, Order>;
// A grid for each remainder of a pixel's row and column, as different places of the kernel reach them.
template <typename Number, typename T>
using StridedInputGradient = Dgrad<Number, T, StrideSupport::kStrided, StridedOrder>;
template <typename Number, typename T>
using WeightGradient = Wgrad<Number, T, IteratorAlgorithm::kOptimized, Number::together>;
template <typename Number, typename T>
using WeightGradientOfFew = Wgrad<Number, T, IteratorAlgorithm::kAnalytic, Number::few>;

template <typename Element>
__device__ cutlass::TensorRef<Element, Layout> dense(const void *memory, cutlass::Tensor4DCoord extent) {
  return {static_cast<Element *>(const_cast<void *>(memory)), Layout::packed(extent)};
}

template <typename Kernel>
__device__ void make_parameters(const Convolution &c, int64_t slices, const void *a, const void *b, const void *source,
                                void *result, void *parameters) {
  static_assert(sizeof(typename Kernel::Params) <= kParameterBytes, "the parameters are larger than their place");
  constexpr Operator op = Kernel::kConvolutionalOperator;
  const int kernel = int(c.kernel), pad = int(c.pad), stride = int(c.stride);
  const cutlass::conv::Conv2dProblemSize size(int(c.batch), int(c.height), int(c.width), int(c.in), int(c.out), kernel, kernel,
                                              int(c.rows()), int(c.columns()), pad, pad, stride, stride, 1, 1,
                                              cutlass::conv::Mode::kCrossCorrelation, int(slices));
  const auto extent = implicit_gemm_tensor_c_extent(op, size);
  const typename Kernel::Arguments arguments(
      size, dense<typename Kernel::ElementA>(a, implicit_gemm_tensor_a_extent(op, size)),
      dense<typename Kernel::ElementB>(b, implicit_gemm_tensor_b_extent(op, size)),
      dense<typename Kernel::ElementC>(source, extent), dense<typename Kernel::ElementC>(result, extent),
      {1.0f, source ? 1.0f : 0.0f},
      op == Operator::kWgrad ? cutlass::conv::SplitKMode::kParallel : cutlass::conv::SplitKMode::kSerial);
  *static_cast<typename Kernel::Params *>(parameters) = typename Kernel::Params(arguments);
}

}  // namespace

// name_launch holds the number of threads of a block and the bytes of shared memory, for the test of implicit_gemm.go.
#define IMPLICIT_GEMM(name, ...)                                                                                          \
  extern "C" __constant__ const unsigned name##_launch[2] = {__VA_ARGS__::kThreadCount, sizeof(__VA_ARGS__::SharedStorage)}; \
  extern "C" __global__ void name##_parameters(CONVOLUTION_SIZES, int64_t slices, const void *a, const void *b,           \
                                               const void *source, void *result, void *parameters) {                      \
    make_parameters<__VA_ARGS__>(CONVOLUTION_OF_SIZES, slices, a, b, source, result, parameters);                         \
  }                                                                                                                       \
  extern "C" __global__ void __launch_bounds__(__VA_ARGS__::kThreadCount)                                                 \
      name(const __grid_constant__ __VA_ARGS__::Params parameters) {                                                      \
    DYNAMIC_SHARED(unsigned char, shared);                                                                                \
    __VA_ARGS__()(parameters, *reinterpret_cast<__VA_ARGS__::SharedStorage *>(shared));                                   \
  }

#endif
