#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "bridge.h"

extern "C" void *tv_alloc(size_t bytes) {
  // Large pages: an epoch walks over gigabytes, and with 4 KiB pages much of the time of the plain loops is page walks.
  constexpr size_t kLargePage = size_t{2} << 20;
  const size_t alignment = bytes >= kLargePage ? kLargePage : 64;
  const size_t size = (bytes + alignment - 1) / alignment * alignment;
  void *memory = nullptr;
  if (posix_memalign(&memory, alignment, size ? size : alignment) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (alignment == kLargePage) madvise(memory, size, MADV_HUGEPAGE);
#endif
  memset(memory, 0, size);
  return memory;
}

extern "C" void tv_free(void *memory) { free(memory); }

#ifdef _OPENMP
// oneDNN's matrix products keep data beyond the end of the stack, where a signal's handler overwrites it: a process that
// was profiled crashed in free. Go has its handlers run on a stack of their own, but only on threads that it knows, so the
// others of the team take no signals. Threads come and go with the team's size: each is asked whenever it is set.
static void take_no_signals() {
  static thread_local bool done = false;
  if (done) return;
  done = true;
  sigset_t all;
  sigfillset(&all);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}
#endif

extern "C" void tv_set_threads(int threads) {
#ifdef _OPENMP
  omp_set_num_threads(threads);
#pragma omp parallel
  if (omp_get_thread_num() != 0) take_no_signals();
#else
  (void)threads;
#endif
}

extern "C" const char *tv_cpu_name(void) {
  static char name[49] = "";
#if defined(__x86_64__)
  unsigned words[12];
  for (unsigned i = 0; i < 3; i++)
    if (!__get_cpuid(0x80000002 + i, words + 4 * i, words + 4 * i + 1, words + 4 * i + 2, words + 4 * i + 3)) return name;
  memcpy(name, words, sizeof words);
#endif
  return name;
}
