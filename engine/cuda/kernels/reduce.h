// Sums over the threads of a block or a warp, in an order that is always the same.
#ifndef TWINVIEW_CUDA_REDUCE_H
#define TWINVIEW_CUDA_REDUCE_H

#include "device.h"

// warp_sum is the sum over all lanes of the warp, in every lane.
template <typename T>
__device__ __forceinline__ T warp_sum(T v) {
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(0xffffffffu, v, lanes);
  return v;
}

// block_sum is the sum over all threads of a block of whole warps along x, in every thread. All of them call it.
template <typename T>
__device__ __forceinline__ T block_sum(T v) {
  __shared__ T of_warps[32];
  v = warp_sum(v);
  __syncthreads();  // whoever called it before has read
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = v;
  __syncthreads();
  T sum = 0;
  for (unsigned w = 0; w < blockDim.x / 32; w++) sum += of_warps[w];
  return sum;
}

#endif
