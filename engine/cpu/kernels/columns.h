// Loops over the columns of a matrix. Columns are taken in blocks: each block is one thread's, so no sum is divided between
// threads.
#ifndef TWINVIEW_ENGINE_CPU_COLUMNS_H
#define TWINVIEW_ENGINE_CPU_COLUMNS_H

#include <algorithm>
#include <cstdint>

#include "loops.h"

namespace twinview {

constexpr int64_t kColumns = 64;

// block_of_columns is a matrix [rows, width] in one with rows of `stride` elements.
struct block_of_columns {
  int64_t rows, stride, width;
};

// for_columns calls body(block, offset of its first element) for every block of columns, on all threads.
template <typename Body>
void for_columns(int64_t rows, int64_t columns, Body body) {
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < columns; first += kColumns)
    body(block_of_columns{rows, columns, std::min(kColumns, columns - first)}, first);
}

// The inner products of the columns of x with those of y, kColumns of them; those beyond the block's width are 0.
TV_CLONES static void product_of_columns(block_of_columns b, const float *x, const float *y, double *product) {
  for (int64_t c = 0; c < kColumns; c++) product[c] = 0;
  for (int64_t r = 0; r < b.rows; r++, x += b.stride, y += b.stride)
    for (int64_t c = 0; c < b.width; c++) product[c] += double(x[c]) * double(y[c]);
}

}  // namespace twinview
#endif
