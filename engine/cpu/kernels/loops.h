// What the plain loops share: one build of each inner loop per instruction set, chosen when the program starts, and a
// division of the rows into blocks that does not depend on the number of threads, so that sums don't either.
#ifndef TWINVIEW_ENGINE_CPU_LOOPS_H
#define TWINVIEW_ENGINE_CPU_LOOPS_H

#include <algorithm>
#include <cstdint>

#if defined(__linux__) && defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#define TV_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#define TV_HAS_CLONES 1
#else
#define TV_CLONES
#define TV_HAS_CLONES 0
#endif

// Before a loop whose arrays are the same or apart: an output may be an input, and the compiler need not look for overlap.
#if defined(__clang__)
#define TV_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define TV_INDEPENDENT _Pragma("GCC ivdep")
#else
#define TV_INDEPENDENT
#endif

namespace twinview {

// About 64 KiB of float32 a block: it stays in the second-level cache and is long enough to be worth a thread's turn.
constexpr int64_t kBlockElements = 16384;

inline int64_t block_rows(int64_t channels) { return std::max<int64_t>(1, kBlockElements / channels); }
inline int64_t block_count(int64_t rows, int64_t channels) {
  return (rows + block_rows(channels) - 1) / block_rows(channels);
}

// for_blocks calls body(block, first row, last row) for every block, on all threads.
template <typename Body>
void for_blocks(int64_t rows, int64_t channels, Body body) {
  const int64_t step = block_rows(channels), blocks = block_count(rows, channels);
#pragma omp parallel for schedule(static)
  for (int64_t block = 0; block < blocks; block++)
    body(block, block * step, std::min(rows, (block + 1) * step));
}

}  // namespace twinview
#endif
