// Kernels that try what host.h stands in for.
#include "device.h"

// Every block turns its part of x round, through shared memory of both kinds.
extern "C" __global__ void turn_round(int64_t n, const int *x, int *y) {
  __shared__ int fixed[96];
  DYNAMIC_SHARED(int, dynamic);
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) fixed[threadIdx.x] = x[i];
  __syncthreads();
  dynamic[blockDim.x - 1 - threadIdx.x] = fixed[threadIdx.x];
  __syncthreads();
  if (i < n) y[i] = dynamic[threadIdx.x];
}
EXPORT(turn_round)

// The same without a barrier: what comes out depends on the order of the threads.
extern "C" __global__ void race(int64_t n, const int *x, int *y) {
  DYNAMIC_SHARED(int, shared);
  const int64_t i = threadIdx.x;
  if (i < n) shared[i] = x[i];
  if (i < n) y[i] = shared[n - 1 - i];
}
EXPORT(race)

// Threads that leave early do not keep the others waiting.
extern "C" __global__ void leave_early(int64_t n, int *y) {
  if (threadIdx.x >= n) return;
  y[threadIdx.x] = 1;
  __syncthreads();
  for (int round = 0; round < 3; round++) {
    const int next = y[(threadIdx.x + 1) % n];
    __syncthreads();
    y[threadIdx.x] += next;
    __syncthreads();
  }
}
EXPORT(leave_early)

// y is six rows of 32: the warp's lanes, moved in each way, the votes, and the sum.
extern "C" __global__ void move_lanes(int *y) {
  const int lane = threadIdx.x;
  y[lane] = __shfl_sync(0xffffffffu, lane, 5);
  y[32 + lane] = __shfl_xor_sync(0xffffffffu, lane, 1);
  y[64 + lane] = __shfl_down_sync(0xffffffffu, lane, 2, 8);
  y[96 + lane] = __shfl_up_sync(0xffffffffu, lane, 3);
  y[128 + lane] = int(__ballot_sync(0xffffffffu, lane % 2));
  int sum = lane;
  for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_down_sync(0xffffffffu, sum, lanes);
  y[160 + lane] = __shfl_sync(0xffffffffu, sum, 0);
}
EXPORT(move_lanes)

// Where each thread of a grid of three dimensions is.
extern "C" __global__ void places(int *y) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned i = block * blockDim.x * blockDim.y * blockDim.z + thread;
  atomicAdd(&y[i], int(i));
}
EXPORT(places)
