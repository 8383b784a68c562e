// Elements of activations and how threads read and write them: float32 as it is, bfloat16 in memory alone. Everything is
// computed in float32.
#ifndef TWINVIEW_CUDA_ELEMENTS_H
#define TWINVIEW_CUDA_ELEMENTS_H

#include "device.h"

__device__ __forceinline__ float load(float x) { return x; }
__device__ __forceinline__ float load(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ __forceinline__ void store(float *to, float value) { *to = value; }
__device__ __forceinline__ void store(__nv_bfloat16 *to, float value) { *to = __float2bfloat16_rn(value); }

// What a thread moves at once: W elements in one access of memory, 16 bytes where W is Wide<T>::elements.
template <typename T, int W>
struct alignas(sizeof(T) * W) Pack {
  T element[W];
};

template <typename T>
struct Wide {
  static constexpr int elements = 16 / int(sizeof(T));
};

template <int W, typename T>
__device__ __forceinline__ Pack<T, W> pack_at(const T *from) {
  return *reinterpret_cast<const Pack<T, W> *>(from);
}

template <int W, typename T>
__device__ __forceinline__ void load_pack(const T *from, float (&to)[W]) {
  const Pack<T, W> pack = pack_at<W>(from);
#pragma unroll
  for (int i = 0; i < W; i++) to[i] = load(pack.element[i]);
}

// Said with an intrinsic: an assignment of a pack is often compiled to one of each element.
template <int N>
__device__ __forceinline__ void store_words(void *to, const unsigned (&words)[N]) {
  static_assert(N == 1 || N == 2 || N == 4, "4, 8 or 16 bytes");
  if constexpr (N == 4) {
    __stwb(static_cast<uint4 *>(to), make_uint4(words[0], words[1], words[2], words[3]));
  } else if constexpr (N == 2) {
    __stwb(static_cast<uint2 *>(to), make_uint2(words[0], words[1]));
  } else {
    __stwb(static_cast<unsigned *>(to), words[0]);
  }
}

template <int W>
__device__ __forceinline__ void store_pack(float *to, const float (&from)[W]) {
  if constexpr (W == 1) {
    *to = from[0];
  } else {
    unsigned words[W];
#pragma unroll
    for (int i = 0; i < W; i++) words[i] = __float_as_uint(from[i]);
    store_words(to, words);
  }
}

template <int W>
__device__ __forceinline__ void store_pack(__nv_bfloat16 *to, const float (&from)[W]) {
  if constexpr (W == 1) {
    store(to, from[0]);
  } else {
    unsigned words[W / 2];
#pragma unroll
    for (int i = 0; i < W / 2; i++) {
      const __nv_bfloat162 pair = __floats2bfloat162_rn(from[2 * i], from[2 * i + 1]);
      memcpy(&words[i], &pair, sizeof pair);
    }
    store_words(to, words);
  }
}

// aligned tells whether memory can be accessed 16 bytes at a time. NULL can.
__device__ __forceinline__ bool aligned(const void *memory) { return reinterpret_cast<uintptr_t>(memory) % 16 == 0; }

__device__ __forceinline__ int64_t thread_of_grid() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ __forceinline__ int64_t threads_of_grid() { return int64_t(gridDim.x) * blockDim.x; }

// max(x, 0) that leaves NaN as it is, so that a diverged network is seen.
__device__ __forceinline__ float rectify(float x) { return x < 0 ? 0.0f : x; }

#endif
