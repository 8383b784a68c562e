// CUDA's built-ins for a C++ compiler. A kernel runs with its real semantics: blocks one after another, the threads of a
// block as fibers that hand over to each other at barriers and shuffles. Two threads that use shared memory without a
// barrier between them see what the order makes of it in which threads run. There are two such orders (host_order): results
// that differ between them are a race.
//
// A thread that never waits is a plain call, so a kernel without barriers runs as a loop over its threads.
#ifndef TWINVIEW_CUDA_HOST_H
#define TWINVIEW_CUDA_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
// Blocks run one after another, so what there is once is one per block.
#define __shared__ static

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

inline dim3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0}, blockDim, gridDim;
constexpr int warpSize = 32;

namespace twinview_host {

constexpr size_t kStackBytes = 128 << 10;
constexpr uint64_t kCanary = 0x7a11ed57ac4b0774;

// What a launch runs, without its types.
struct Kernel {
  const char *name;
  void (*call)(void *arguments);
  void *arguments;
};

// Where threads wait for each other. A thread waits until the generation is another than it found.
struct Barrier {
  unsigned arrived = 0, generation = 0;
};

// What one lane gives to the others.
struct Slot {
  uint64_t words[4];
};

struct Warp {
  Barrier barrier;
  unsigned size = 0, exited = 0;
  // Shuffles write and read by turns: a lane comes to write a second time only when all have read what it wrote the first.
  Slot slots[2][warpSize];
};

// One stack, on which threads run one after another until one has to wait; the next thread is begun on another.
struct Fiber {
  char *stack = nullptr;
  void *stack_pointer = nullptr;
#if !defined(__x86_64__)
  ucontext_t context;
#endif
  bool idle = true;
  dim3 thread{0, 0, 0};
  unsigned linear = 0;  // the thread's number in its block
  const Barrier *awaited = nullptr;
  unsigned generation = 0;

  ~Fiber() {
    if (stack) munmap(stack, kStackBytes);
  }
};

struct Machine {
  Kernel kernel{};
  Fiber main;
  std::vector<std::unique_ptr<Fiber>> fibers;
  size_t current = 0;
  unsigned threads = 0, begun = 0, exited = 0;
  uint64_t random = 0;
  Barrier block;
  std::vector<Warp> warps;
  std::vector<uint64_t> shared;  // 8-byte words, and one more to align to 16 bytes
};

inline Machine *const machine = new Machine;
inline std::mutex launching;  // one launch at a time
inline bool reversed = false;

[[noreturn]] inline void fail(const char *what) {
  const Machine &m = *machine;
  fprintf(stderr, "kernel %s, block (%u, %u, %u), thread (%u, %u, %u): %s\n", m.kernel.name, blockIdx.x, blockIdx.y,
          blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z, what);
  abort();
}

#if defined(__x86_64__)
// Keeps what the calling convention says a call keeps, and goes on where `to` was left.
static __attribute__((naked, noinline)) void switch_stack(void ** /*from*/, void * /*to*/) {
  asm volatile(
      "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret");
}
inline void switch_fiber(Fiber &from, Fiber &to) { switch_stack(&from.stack_pointer, to.stack_pointer); }
inline void prepare(Fiber &f, void (*entry)()) {
  void **top = reinterpret_cast<void **>(f.stack + kStackBytes) - 3;  // aligned as behind a call
  *top = nullptr;  // where entry would return to: it never does
  *--top = reinterpret_cast<void *>(entry);
  for (int saved = 0; saved < 6; saved++) *--top = nullptr;
  f.stack_pointer = top;
}
#else
inline void switch_fiber(Fiber &from, Fiber &to) { swapcontext(&from.context, &to.context); }
inline void prepare(Fiber &f, void (*entry)()) {
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack;
  f.context.uc_stack.ss_size = kStackBytes;
  f.context.uc_link = nullptr;
  makecontext(&f.context, entry, 0);
}
#endif

// begin takes the next thread of the block, if one has not begun.
inline bool begin(Fiber &f) {
  Machine &m = *machine;
  if (m.begun == m.threads) return false;
  const unsigned next = m.begun++;
  f.linear = reversed ? m.threads - 1 - next : next;
  f.thread = dim3(f.linear % blockDim.x, f.linear / blockDim.x % blockDim.y, f.linear / blockDim.x / blockDim.y);
  f.idle = false;
  f.awaited = nullptr;
  threadIdx = f.thread;
  return true;
}

// Threads that are through do not count at a barrier any more.
inline void release_if_complete(Barrier &b, unsigned expected) {
  if (b.arrived < expected || b.arrived == 0) return;
  b.arrived = 0;
  b.generation++;
}

inline void end(Fiber &f) {
  Machine &m = *machine;
  if (*reinterpret_cast<uint64_t *>(f.stack) != kCanary) fail("the thread has overrun its stack");
  m.exited++;
  m.warps[f.linear / warpSize].exited++;
  f.idle = true;
  release_if_complete(m.block, m.threads - m.exited);
}

// any returns a number below n. It is the same in every run.
inline size_t any(size_t n) {
  Machine &m = *machine;
  m.random = m.random * 6364136223846793005u + 1442695040888963407u;
  return (m.random >> 33) % n;
}

inline void run_threads();

inline size_t new_fiber() {
  Machine &m = *machine;
  auto f = std::make_unique<Fiber>();
  void *stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) fail("no memory for the thread's stack");
  f->stack = static_cast<char *>(stack);
  *reinterpret_cast<uint64_t *>(f->stack) = kCanary;
  prepare(*f, run_threads);
  m.fibers.push_back(std::move(f));
  return m.fibers.size() - 1;
}

// leave goes on with another fiber: one that begins a thread if there is one to begin, else one that has waited long
// enough, else the launch itself, when all threads are through.
inline void leave(Fiber &self) {
  Machine &m = *machine;
  const size_t n = m.fibers.size();
  size_t next = n;
  if (m.begun < m.threads) {
    for (size_t i = 1; i <= n && next == n; i++)
      if (m.fibers[(m.current + i) % n]->idle) next = (m.current + i) % n;
    if (next == n) next = new_fiber();
  } else {
    const auto ready = [&](size_t at) {
      const Fiber &f = *m.fibers[at];
      return !f.idle && f.awaited->generation != f.generation;
    };
    // In the one order all threads go on in turn; in the other a warp goes as far as it can before another does.
    const size_t warp = m.current / warpSize * warpSize;
    for (size_t at = warp; reversed && at < std::min(n, warp + warpSize) && next == n; at++)
      if (ready(at)) next = at;
    const size_t from = reversed ? any(n) : m.current;
    for (size_t i = 1; i <= n && next == n; i++)
      if (ready((from + i) % n)) next = (from + i) % n;
    if (next == n) {
      if (m.exited < m.threads) fail("the block waits for ever: not all of its threads come to the same barrier");
      return switch_fiber(self, m.main);
    }
  }
  m.current = next;
  switch_fiber(self, *m.fibers[next]);
}

inline void run_threads() {
  for (;;) {
    Machine &m = *machine;
    Fiber &self = *m.fibers[m.current];
    while (begin(self)) {
      m.kernel.call(m.kernel.arguments);
      end(self);
    }
    leave(self);
  }
}

inline void wait(Barrier &b, unsigned expected) {
  const unsigned generation = b.generation;
  b.arrived++;
  release_if_complete(b, expected);
  if (b.generation != generation) return;
  Fiber &self = *machine->fibers[machine->current];
  self.awaited = &b;
  self.generation = generation;
  leave(self);
  threadIdx = self.thread;
}

inline void run_block() {
  Machine &m = *machine;
  m.begun = m.exited = 0;
  m.block = Barrier{};
  for (size_t w = 0; w < m.warps.size(); w++) {
    m.warps[w].barrier = Barrier{};
    m.warps[w].exited = 0;
    m.warps[w].size = std::min<unsigned>(warpSize, m.threads - unsigned(w) * warpSize);
  }
  // What a block finds in shared memory is rubbish: here NaN.
  std::fill(m.shared.begin(), m.shared.end(), ~uint64_t{0});
  if (m.fibers.empty()) new_fiber();
  m.current = 0;
  switch_fiber(m.main, *m.fibers[0]);
}

inline void launch(const Kernel &kernel, dim3 grid, dim3 block, size_t shared) {
  const std::lock_guard<std::mutex> lock(launching);
  Machine &m = *machine;
  m.kernel = kernel;
  m.random = 0;
  gridDim = grid;
  blockDim = block;
  m.threads = block.x * block.y * block.z;
  if (m.threads == 0 || m.threads > 1024 || block.z > 64) fail("a block has 1 to 1,024 threads, of them at most 64 along z");
  if (grid.y > 65535 || grid.z > 65535) fail("a grid has at most 65,535 blocks along y and z");
  if (shared > (227 << 10)) fail("a block has at most 227 KiB of shared memory");
  m.warps.assign((m.threads + warpSize - 1) / warpSize, Warp{});
  m.shared.assign((shared + 7) / 8 + 2, 0);
  const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks; i++) {
    const uint64_t at = reversed ? blocks - 1 - i : i;
    blockIdx = dim3(unsigned(at % grid.x), unsigned(at / grid.x % grid.y), unsigned(at / grid.x / grid.y));
    run_block();
  }
}

// launch_with takes the arguments as cuLaunchKernel does: a pointer to each.
template <typename... P, size_t... I>
void launch_with(const char *name, void (*kernel)(P...), void **arguments, std::index_sequence<I...>, dim3 grid,
                 dim3 block, size_t shared) {
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> arguments;
  } call{kernel, std::tuple<P...>(*static_cast<P *>(arguments[I])...)};
  const auto body = [](void *c) {
    Call &call = *static_cast<Call *>(c);
    call.kernel(std::get<I>(call.arguments)...);
  };
  launch(Kernel{name, body, &call}, grid, block, shared);
}

template <typename... P>
void launch_with(const char *name, void (*kernel)(P...), void **arguments, dim3 grid, dim3 block, size_t shared) {
  launch_with(name, kernel, arguments, std::index_sequence_for<P...>{}, grid, block, shared);
}

inline void *shared_memory() {
  const uintptr_t at = reinterpret_cast<uintptr_t>(machine->shared.data());
  return reinterpret_cast<void *>((at + 15) / 16 * 16);
}

inline Fiber &this_fiber() { return *machine->fibers[machine->current]; }

// Only whole warps: a mask that leaves out a thread of the warp is a mistake in the kernels here.
inline Warp &whole_warp(unsigned mask) {
  Warp &w = machine->warps[this_fiber().linear / warpSize];
  const unsigned all = w.size == 32 ? ~0u : (1u << w.size) - 1;
  if ((mask & all) != all) fail("the mask leaves out threads of the warp");
  if (w.exited > 0) fail("threads of the warp are through already");
  return w;
}

// exchange gives every lane's value to all lanes of the warp.
template <typename T>
const Slot *exchange(unsigned mask, T value) {
  static_assert(sizeof(T) <= sizeof(Slot), "lanes give 32 bytes at most");
  Warp &w = whole_warp(mask);
  Slot *slots = w.slots[w.barrier.generation % 2];
  memcpy(&slots[this_fiber().linear % warpSize], &value, sizeof value);
  wait(w.barrier, w.size);
  return slots;
}

// The value of a lane; of one that there is not, the lane's own.
template <typename T>
T of_lane(const Slot *slots, int lane, T own) {
  const Warp &w = machine->warps[this_fiber().linear / warpSize];
  if (lane < 0 || lane >= int(w.size)) return own;
  T value;
  memcpy(&value, &slots[lane], sizeof value);
  return value;
}

inline int lane() { return int(this_fiber().linear % warpSize); }

}  // namespace twinview_host

#define DYNAMIC_SHARED(type, name) type *const name = static_cast<type *>(twinview_host::shared_memory())

#define EXPORT(name)                                                                                       \
  extern "C" __attribute__((visibility("default"))) void host_##name(void **arguments, dim3 grid, dim3 block, \
                                                                     size_t shared) {                      \
    twinview_host::launch_with(#name, name, arguments, grid, block, shared);                               \
  }

// With 0 the launches that follow begin blocks and threads from the first to the last, and those that wait go on in turn. With 1
// they begin with the last, and one warp after another goes on as far as it can, the next being any.
extern "C" inline __attribute__((visibility("default"), used)) void host_order(int reversed) {
  twinview_host::reversed = reversed != 0;
}

inline void __syncthreads() {
  twinview_host::Machine &m = *twinview_host::machine;
  twinview_host::wait(m.block, m.threads - m.exited);
}
inline void __syncwarp(unsigned mask = ~0u) {
  twinview_host::Warp &w = twinview_host::whole_warp(mask);
  twinview_host::wait(w.barrier, w.size);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane, int width = warpSize) {
  const twinview_host::Slot *slots = twinview_host::exchange(mask, value);
  return twinview_host::of_lane(slots, twinview_host::lane() / width * width + lane % width, value);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize) {
  const twinview_host::Slot *slots = twinview_host::exchange(mask, value);
  const int self = twinview_host::lane(), from = self ^ lanes;
  return from / width > self / width ? value : twinview_host::of_lane(slots, from, value);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = warpSize) {
  const twinview_host::Slot *slots = twinview_host::exchange(mask, value);
  const int self = twinview_host::lane(), from = self + int(lanes);
  return from / width != self / width ? value : twinview_host::of_lane(slots, from, value);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = warpSize) {
  const twinview_host::Slot *slots = twinview_host::exchange(mask, value);
  const int self = twinview_host::lane(), from = self - int(lanes);
  return from < self / width * width ? value : twinview_host::of_lane(slots, from, value);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const twinview_host::Slot *slots = twinview_host::exchange(mask, predicate);
  unsigned ballot = 0;
  for (int lane = 0; lane < warpSize; lane++)
    if (twinview_host::of_lane(slots, lane, 0) != 0) ballot |= 1u << lane;
  return ballot;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }

// One thread runs at a time, so these are plain. There are none on floats: their sums would depend on the order.
template <typename T>
T atomicAdd(T *at, T value) {
  static_assert(!std::is_floating_point<T>::value, "the order of float atomics is not fixed, so their sums are not either");
  return std::exchange(*at, T(*at + value));
}
template <typename T>
T atomicMin(T *at, T value) {
  return std::exchange(*at, std::min(*at, value));
}
template <typename T>
T atomicMax(T *at, T value) {
  return std::exchange(*at, std::max(*at, value));
}
template <typename T>
T atomicAnd(T *at, T value) {
  return std::exchange(*at, T(*at & value));
}
template <typename T>
T atomicOr(T *at, T value) {
  return std::exchange(*at, T(*at | value));
}
template <typename T>
T atomicExch(T *at, T value) {
  return std::exchange(*at, value);
}
template <typename T>
T atomicCAS(T *at, T compare, T value) {
  return *at == compare ? std::exchange(*at, value) : *at;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

// Kernels read and write arrays of other types by these.
struct __align__(8) __attribute__((may_alias)) float2 { float x, y; };
struct __align__(16) __attribute__((may_alias)) float4 { float x, y, z, w; };
struct __align__(8) __attribute__((may_alias)) uint2 { unsigned x, y; };
struct __align__(16) __attribute__((may_alias)) uint4 { unsigned x, y, z, w; };
struct __align__(8) __attribute__((may_alias)) int2 { int x, y; };
struct __align__(16) __attribute__((may_alias)) int4 { int x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

struct __nv_bfloat16 {
  uint16_t bits;
};
struct __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
inline float __bfloat162float(__nv_bfloat16 x) {
  const uint32_t bits = uint32_t(x.bits) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
// Rounds to nearest, ties to even. NaN becomes the one that CUDA makes.
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value) return {0x7fff};
  return {uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}
inline __nv_bfloat16 __float2bfloat16(float value) { return __float2bfloat16_rn(value); }
inline float2 __bfloat1622float2(__nv_bfloat162 x) { return {__bfloat162float(x.x), __bfloat162float(x.y)}; }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) { return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)}; }

using std::isfinite;
using std::isnan;
using std::max;
using std::min;
template <typename T>
T __ldg(const T *at) {
  return *at;
}
template <typename T>
void __stwb(T *at, T value) {
  *at = value;
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned(uint64_t(a) * b >> 32); }
inline uint64_t __umul64hi(uint64_t a, uint64_t b) { return uint64_t((unsigned __int128)(a) * b >> 64); }

#endif
