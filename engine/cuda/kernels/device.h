// Included first by every kernel. It is the border between CUDA and the rest: nvcc takes its own built-ins, and with
// TWINVIEW_HOST defined a C++ compiler takes host.h, so that the very same sources run, and are tested, where there is no GPU.
#ifndef TWINVIEW_CUDA_DEVICE_H
#define TWINVIEW_CUDA_DEVICE_H

#include <math.h>
#include <stdint.h>

#ifdef TWINVIEW_HOST

#include "host.h"

#else

#include <cuda_bf16.h>

// A kernel's own name is all that the driver needs to find it.
#define EXPORT(name)

// DYNAMIC_SHARED declares a pointer to the shared memory whose size the launch says, 16-byte aligned.
#define DYNAMIC_SHARED(type, name)                                 \
  extern __shared__ __align__(16) unsigned char twinview_shared[]; \
  type *const name = reinterpret_cast<type *>(twinview_shared)

#endif

#endif
