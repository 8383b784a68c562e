// The device's side of implicit_gemm.h.
#ifndef TWINVIEW_CUDA_IMPLICIT_GEMM_CUTLASS_H
#define TWINVIEW_CUDA_IMPLICIT_GEMM_CUTLASS_H

#include <type_traits>

#include "cutlass/cutlass.h"
#include "cutlass/conv/kernel/default_conv2d_dgrad.h"
#include "cutlass/conv/kernel/default_conv2d_fprop.h"
#include "cutlass/conv/kernel/default_conv2d_wgrad.h"
#include "cutlass/epilogue/thread/linear_combination.h"
#include "cutlass/epilogue/threadblock/epilogue_with_visitor.h"

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

// TileStatistics is an epilogue's visitor: it stores the block's tile of y and gathers the statistics of each of its channels from
// what it stores, which is in registers then. A thread has the same channels in all its rows.
template <typename Output, int Threads>
class TileStatistics {
  using ThreadMap = typename Output::ThreadMap;
  using Element = typename Output::Element;

 public:
  static constexpr int kIterations = Output::kIterations, kElementsPerAccess = Output::kElementsPerAccess;
  // A thread has kEach channels beside each other at kColumns places, and kMembers threads have the same.
  static constexpr int kEach = kElementsPerAccess, kColumns = ThreadMap::Iterations::kColumn, kChannels = ThreadMap::Shape::kColumn;
  static constexpr int kGroups = kChannels / (kEach * kColumns), kMembers = Threads / kGroups;

  struct SharedStorage {
    float mean[kMembers][kChannels], deviations[kMembers][kChannels];
    int count[kMembers][kChannels / kEach];
  };

  __device__ TileStatistics(const Output &output, int64_t rows, bool gathers) : output_(output), rows_(rows), gathers_(gathers) {
#pragma unroll
    for (int i = 0; i < kColumns * kEach; i++) origin_[i] = sum_[i] = square_[i] = 0;
  }

  __device__ void begin_epilogue() {}
  __device__ void begin_step(int) {}
  __device__ void begin_row(int) {}
  __device__ void end_epilogue() {}

  __device__ void visit(int, int, int column, int at, const cutlass::Array<float, kEach> &result) {
    using Stored = cutlass::Array<Element, kEach>;
    const Stored stored = cutlass::NumericArrayConverter<Element, float, kEach>()(result);
    reinterpret_cast<Stored *>(&fragment_)[at] = stored;
    if (!gathers_ || output_.thread_start_row() + ThreadMap::iteration_offset(at).row() >= rows_) return;
#pragma unroll
    for (int i = 0; i < kEach; i++) {
      const float v = float(stored[i]);
      const int of = column * kEach + i;
      // Squares are taken relative to the thread's first value: the variance of a channel far from 0 would drown in their rounding.
      if (count_ == 0) origin_[of] = v;
      const float d = v - origin_[of];
      sum_[of] += d;
      square_[of] = fmaf(d, d, square_[of]);
    }
    if (column == kColumns - 1) count_++;
  }
  __device__ void end_row(int) {}

  __device__ void end_step(int) {
    output_.store(fragment_);
    ++output_;
  }

  // leave joins what the threads have and writes it for tile number `tile` of those down the rows. All threads call it, when
  // nothing else is in shared memory any more.
  __device__ void leave(SharedStorage &shared, int tile, int first_channel, int channels, float *statistics) const {
    const int thread = threadIdx.x, first = ThreadMap::initial_offset(thread).column(), member = thread / kGroups;
#pragma unroll
    for (int i = 0; i < kColumns * kEach; i++) {
      const int c = first + i / kEach * ThreadMap::Delta::kColumn + i % kEach;
      const float mean = count_ ? sum_[i] / float(count_) : 0.0f;
      shared.count[member][c / kEach] = count_;
      shared.mean[member][c] = origin_[i] + mean;
      shared.deviations[member][c] = square_[i] - sum_[i] * mean;
    }
    __syncthreads();
    for (int c = thread; c < kChannels && first_channel + c < channels; c += Threads) {
      const float origin = shared.mean[0][c];  // the tile's first row is member 0's
      float count = 0, sum = 0, deviations = 0;
      for (int m = 0; m < kMembers; m++) {
        const float n = float(shared.count[m][c / kEach]);
        if (n == 0) continue;
        const float d = shared.mean[m][c] - origin;
        count += n;
        sum += n * d;
        deviations += shared.deviations[m][c] + n * d * d;
      }
      float *const of_channel = statistics + int64_t(tile) * 2 * channels + first_channel + c;
      of_channel[0] = origin + sum / count;
      of_channel[channels] = deviations - sum * (sum / count);
    }
  }

 private:
  Output output_;
  int64_t rows_;
  bool gathers_;
  int count_ = 0;
  float origin_[kColumns * kEach], sum_[kColumns * kEach], square_[kColumns * kEach];
  typename Output::Fragment fragment_;
};

// What kernels that gather statistics have among their parameters.
struct Gathering {
  float *statistics;
};

// WithStatistics is one of CUTLASS's forward kernels with TileStatistics in place of its epilogue's last step.
template <typename Kernel>
struct WithStatistics {
  using Mma = typename Kernel::Mma;
  using Output = typename Kernel::Epilogue::OutputTileIterator;
  using ElementA = typename Kernel::ElementA;
  using ElementB = typename Kernel::ElementB;
  using ElementC = typename Kernel::ElementC;
  using Arguments = typename Kernel::Arguments;
  static constexpr Operator kConvolutionalOperator = Kernel::kConvolutionalOperator;
  static constexpr int kThreadCount = Kernel::kThreadCount;

  using Visitor = TileStatistics<Output, kThreadCount>;
  using Epilogue =
      typename cutlass::epilogue::threadblock::EpilogueWithVisitorFromExistingEpilogue<Visitor, typename Kernel::Epilogue>::Epilogue;

  struct Params : Kernel::Params, Gathering {
    __device__ explicit Params(const Arguments &arguments) : Kernel::Params(arguments) {}
  };

  union SharedStorage {
    typename Mma::SharedStorage main_loop;
    typename Epilogue::SharedStorage epilogue;
    typename Visitor::SharedStorage statistics;
  };

  __device__ void operator()(const Params &params, SharedStorage &shared) {
    const auto tile = typename Kernel::ThreadblockSwizzle().get_tile_offset(params.swizzle_log_tile);
    if (params.grid_tiled_shape.m() <= tile.m() || params.grid_tiled_shape.n() <= tile.n()) return;
    const int thread = threadIdx.x, warp = cutlass::canonical_warp_idx_sync(), lane = threadIdx.x % 32;
    const cutlass::MatrixCoord offset(tile.m() * Mma::Shape::kM, tile.n() * Mma::Shape::kN);
    typename Mma::IteratorA a(params.iterator_A, params.problem_size, params.ptr_A, thread, {offset.row(), 0});
    typename Mma::IteratorB b(params.iterator_B, params.problem_size, params.ptr_B, thread, {0, offset.column()});
    typename Mma::FragmentC sums;
    sums.clear();
    Mma(shared.main_loop, thread, warp, lane)(params.gemm_k_iterations, sums, a, b, sums, params.gemm_k_iterations_per_channel);

    const auto extent = Kernel::ConvOutputIteratorParameter::extent(params.problem_size);
    Visitor visitor(Output(params.iterator_D, params.ptr_D, extent, thread, offset), extent.row(), params.statistics != nullptr);
    Epilogue(shared.epilogue, thread, warp, lane)(visitor, sums);
    if (!params.statistics) return;
    __syncthreads();  // the epilogue's shared memory has been read
    visitor.leave(shared.statistics, tile.m(), offset.column(), extent.column(), params.statistics);
  }
};

// Kernels without tensor cores gather nothing: a thread of theirs has other channels at each step.
template <typename Number, typename Kernel>
using Gathers = std::conditional_t<std::is_same_v<Number, Float32>, Kernel, WithStatistics<Kernel>>;

template <typename Number, typename T>
using Forward = Gathers<Number, Fprop<Number, T, IteratorAlgorithm::kOptimized, Number::together>>;
// For the first layer: sums over all of kernel, kernel and in at once, where Forward would fill up the few channels to K.
template <typename Number, typename T>
using ForwardOfFew = Gathers<Number, Fprop<Number, T, IteratorAlgorithm::kFewChannels, Number::few>>;
template <typename Number, typename T>
using InputGradient = Dgrad<Number, T, StrideSupport::kUnity, Order>;
// A grid for each remainder of a pixel's row and column, as different places of the kernel reach them.
template <typename Number, typename T>
using StridedInputGradient = Dgrad<Number, T, StrideSupport::kStrided, StridedOrder>;
template <typename Number, typename T>
using WeightGradient = Wgrad<Number, T, IteratorAlgorithm::kOptimized, Number::together>;
template <typename Number, typename T>
using WeightGradientOfFew = Wgrad<Number, T, IteratorAlgorithm::kOptimized, Number::few>;

template <typename Element>
__device__ cutlass::TensorRef<Element, Layout> dense(const void *memory, cutlass::Tensor4DCoord extent) {
  return {static_cast<Element *>(const_cast<void *>(memory)), Layout::packed(extent)};
}

template <typename Kernel>
__device__ void make_parameters(const Convolution &c, int64_t slices, const void *a, const void *b, const void *source,
                                void *result, float *statistics, void *parameters) {
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
  typename Kernel::Params made(arguments);
  if constexpr (std::is_base_of_v<Gathering, typename Kernel::Params>) made.statistics = statistics;
  *static_cast<typename Kernel::Params *>(parameters) = made;
}

}  // namespace

// name_launch holds the number of threads of a block and the bytes of shared memory, for the test of implicit_gemm.go.
#define IMPLICIT_GEMM(name, ...)                                                                                          \
  extern "C" __constant__ const unsigned name##_launch[2] = {__VA_ARGS__::kThreadCount, sizeof(__VA_ARGS__::SharedStorage)}; \
  extern "C" __global__ void name##_parameters(CONVOLUTION_SIZES, int64_t slices, const void *a, const void *b,           \
                                               const void *source, void *result, float *statistics, void *parameters) {   \
    make_parameters<__VA_ARGS__>(CONVOLUTION_OF_SIZES, slices, a, b, source, result, statistics, parameters);             \
  }                                                                                                                       \
  extern "C" __global__ void __launch_bounds__(__VA_ARGS__::kThreadCount)                                                 \
      name(const __grid_constant__ __VA_ARGS__::Params parameters) {                                                      \
    DYNAMIC_SHARED(unsigned char, shared);                                                                                \
    __VA_ARGS__()(parameters, *reinterpret_cast<__VA_ARGS__::SharedStorage *>(shared));                                   \
  }

#endif
