// Products of small matrices on tensor cores, by a warp. On the processor they are made of the same fragments.
#ifndef TWINVIEW_CUDA_MMA_H
#define TWINVIEW_CUDA_MMA_H

#include "device.h"

// to_tfloat32 rounds to TF32, 10 bits of fraction, to nearest and ties away from 0.
__device__ __forceinline__ uint32_t to_tfloat32(float x) {
#ifdef TWINVIEW_HOST
  return isfinite(x) ? (__float_as_uint(x) + 0x1000) & ~0x1fffu : __float_as_uint(x);
#else
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return rounded;
#endif
}

// add_tfloat32 adds the product of a [16, 8] and b [8, 8] to sum [16, 8], in TF32 with sums of float32. All lanes of the warp call
// it. With g = lane / 4 and t = lane % 4, a lane has of a the elements (g, t), (g+8, t), (g, t+4), (g+8, t+4), of b (t, g), (t+4, g),
// and of sum (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1).
__device__ __forceinline__ void add_tfloat32(const uint32_t (&a)[4], const uint32_t (&b)[2], float (&sum)[4]) {
#ifdef TWINVIEW_HOST
  struct Fragments {
    uint32_t a[4], b[2];
  } own;
  memcpy(own.a, a, sizeof own.a);
  memcpy(own.b, b, sizeof own.b);
  const twinview_host::Slot *slots = twinview_host::exchange(0xffffffffu, own);
  const auto of = [=](int lane) { return reinterpret_cast<const Fragments *>(&slots[lane]); };
  const int g = twinview_host::lane() / 4, t = twinview_host::lane() % 4;
  for (int i = 0; i < 4; i++) {
    const int high = i / 2, column = 2 * t + i % 2;
    for (int k = 0; k < 8; k++)
      sum[i] += __uint_as_float(of(4 * g + k % 4)->a[high + k / 4 * 2]) * __uint_as_float(of(4 * column + k % 4)->b[k / 4]);
  }
#else
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

#endif
