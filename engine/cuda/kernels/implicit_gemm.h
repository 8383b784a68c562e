// Convolutions as one matrix product each, whose left or right side is never made but read from the tensors as it is wanted
// (implicit GEMM), by CUTLASS. The rows and columns of the product, and what is summed over:
//
//   forward          output pixels × out         over kernel, kernel, in
//   input gradient   input pixels × in           over kernel, kernel, out
//   weight gradient  out × (kernel, kernel, in)  over output pixels
//
// A kernel `name` is launched in two steps. What it needs beside the tensors (strides, masks, divisors for divisions by
// multiplication) is computed once, on the device, by one thread:
//
//   name_parameters  (sizes, slices, a, b, source, result, statistics, parameters)
//
// with the sizes of convolution.h and slices, all int64, and pointers: a and b are x and filters (forward), dy and filters
// (input gradient) or dy and x (weight gradient); source is added to the result of an input gradient, in T, and may be NULL or the
// result; parameters are kParameterBytes of the device's memory, which the host copies to itself. With them as its only argument,
// by value, `name` is launched as often as one likes on these tensors: parameters are in constant memory then and take no
// registers. Grids, blocks and shared memory are in implicit_gemm.go.
//
// statistics, if not NULL, takes what a forward kernel in bfloat16 or TF32 gathers of the batch norm's statistics while it still has
// the result in registers: float32 [tiles, 2, out] for the tiles of M pixels each, the mean of the tile's pixels and the sum of their
// squared deviations from it. batch_stats_of_tiles of batchnorm.cu joins them.
//
// slices is 1 but for the weight gradient. That has no source, and leaves float32 [slices, out, kernel, kernel, in] for
// convolution_weight_sum: slice s has summed over the pixels of every slices-th piece of K from the s-th on.
//
// With TWINVIEW_HOST defined the same kernels are plain loops over the same tiles.
#ifndef TWINVIEW_CUDA_IMPLICIT_GEMM_H
#define TWINVIEW_CUDA_IMPLICIT_GEMM_H

#include "convolution.h"

constexpr int kParameterBytes = 1024;

// A block computes M×N of the product, summing over K at once, a warp WarpM×WarpN of it; Stages pieces of K are on their way.
template <int M, int N, int K, int WarpM, int WarpN, int Stages>
struct Tile {
  static constexpr int m = M, n = N, k = K, warp_m = WarpM, warp_n = WarpN, stages = Stages;
  static constexpr int threads = M / WarpM * (N / WarpN) * 32;
};

#ifdef TWINVIEW_HOST
#include "implicit_gemm_host.h"
#else
#include "implicit_gemm_cutlass.h"
#endif

#endif
