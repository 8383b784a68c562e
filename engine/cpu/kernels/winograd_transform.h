// The transforms of Winograd's convolution in one dimension (Lavin & Gray 2016, arXiv 1509.09308; the construction is
// Cook's and Toom's). A correlation of a kernel g of length 3 with n = tile + 2 inputs d is the transpose of a product of
// polynomials, and that product is found from its values at n - 1 points p and at infinity:
//
//   y = Aᵀ [(G g) ⊙ (Bᵀ d)],  with f_j = Π_{l≠j} (p_j - p_l) and
//   Aᵀ[i][j] = p_j^i;            last column: 1 at i = tile - 1
//   G[j][k]  = p_j^k / f_j;      last row: 0 0 1
//   Bᵀ[j]    = the coefficients of Π_{l≠j} (x - p_l), lowest first; last row: those of Π_l (x - p_l)
//
// In two dimensions each matrix is applied to the columns and then to the rows. The gradient of the weights is
// Gᵀ [(Bᵀ d B) ⊙ (A dy Aᵀ)] G, the transpose of the above with respect to g.
#ifndef TWINVIEW_ENGINE_CPU_WINOGRAD_TRANSFORM_H
#define TWINVIEW_ENGINE_CPU_WINOGRAD_TRANSFORM_H

#include "element.h"
#include "winograd.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {

template <int Tile>
struct Transform;

// Points 0, 1, -1. Rows 0 and 3 of Bᵀ have the other sign, taken back in G's row 0 and in Aᵀ's last column.
template <>
struct Transform<2> {
  static constexpr int n = 4;

  static void input(const Vector *d, Vector *v) {  // Bᵀ
    v[0] = minus(d[0], d[2]);
    v[1] = plus(d[1], d[2]);
    v[2] = minus(d[2], d[1]);
    v[3] = minus(d[1], d[3]);
  }
  static void output(const Vector *m, Vector *y) {  // Aᵀ
    y[0] = plus(m[0], plus(m[1], m[2]));
    y[1] = minus(minus(m[1], m[2]), m[3]);
  }
  static void output_grad(const Vector *dy, Vector *d) {  // A
    d[0] = dy[0];
    d[1] = plus(dy[0], dy[1]);
    d[2] = minus(dy[0], dy[1]);
    d[3] = minus(_mm512_setzero_ps(), dy[1]);
  }
  static void weights(const Vector *g, Vector *u) {  // G
    const Vector even = times(0.5f, plus(g[0], g[2])), odd = times(0.5f, g[1]);
    u[0] = g[0];
    u[1] = plus(even, odd);
    u[2] = minus(even, odd);
    u[3] = g[2];
  }
  static void weight_grad(const Vector *u, Vector *g) {  // Gᵀ
    const Vector even = times(0.5f, plus(u[1], u[2]));
    g[0] = plus(u[0], even);
    g[1] = times(0.5f, minus(u[1], u[2]));
    g[2] = plus(even, u[3]);
  }
};

// Points 0, ±5/8, ±3/2. With the customary 0, ±1, ±2 the error is twice as large, in float32 as in bfloat16 (forward, 64
// channels: 1.7e-6 and 2.7e-2 in place of 8.4e-7 and 1.2e-2): the transforms' entries are further apart.
template <>
struct Transform<4> {
  static constexpr int n = 6;
  static constexpr float a = 5.0 / 8, b = 3.0 / 2;
  static constexpr float aa = a * a, bb = b * b;
  static constexpr float f0 = aa * bb, fa = 2 * aa * (aa - bb), fb = 2 * bb * (bb - aa);

  static void input(const Vector *d, Vector *v) {  // Bᵀ
    const Vector even_a = plus_times(d[4], -bb, d[2]), odd_a = plus_times(times(a, d[3]), -a * bb, d[1]);
    const Vector even_b = plus_times(d[4], -aa, d[2]), odd_b = plus_times(times(b, d[3]), -b * aa, d[1]);
    v[0] = plus_times(plus_times(d[4], -(aa + bb), d[2]), aa * bb, d[0]);
    v[1] = plus(even_a, odd_a);
    v[2] = minus(even_a, odd_a);
    v[3] = plus(even_b, odd_b);
    v[4] = minus(even_b, odd_b);
    v[5] = plus_times(plus_times(d[5], -(aa + bb), d[3]), aa * bb, d[1]);
  }
  static void output(const Vector *m, Vector *y) {  // Aᵀ
    const Vector even_a = plus(m[1], m[2]), odd_a = minus(m[1], m[2]);
    const Vector even_b = plus(m[3], m[4]), odd_b = minus(m[3], m[4]);
    y[0] = plus(m[0], plus(even_a, even_b));
    y[1] = plus_times(times(a, odd_a), b, odd_b);
    y[2] = plus_times(times(aa, even_a), bb, even_b);
    y[3] = plus_times(plus_times(m[5], a * aa, odd_a), b * bb, odd_b);
  }
  static void output_grad(const Vector *dy, Vector *d) {  // A
    const Vector even_a = plus_times(dy[0], aa, dy[2]), odd_a = plus_times(times(a, dy[1]), a * aa, dy[3]);
    const Vector even_b = plus_times(dy[0], bb, dy[2]), odd_b = plus_times(times(b, dy[1]), b * bb, dy[3]);
    d[0] = dy[0];
    d[1] = plus(even_a, odd_a);
    d[2] = minus(even_a, odd_a);
    d[3] = plus(even_b, odd_b);
    d[4] = minus(even_b, odd_b);
    d[5] = dy[3];
  }
  static void weights(const Vector *g, Vector *u) {  // G
    const Vector even_a = plus_times(times(1 / fa, g[0]), aa / fa, g[2]), odd_a = times(a / fa, g[1]);
    const Vector even_b = plus_times(times(1 / fb, g[0]), bb / fb, g[2]), odd_b = times(b / fb, g[1]);
    u[0] = times(1 / f0, g[0]);
    u[1] = plus(even_a, odd_a);
    u[2] = minus(even_a, odd_a);
    u[3] = plus(even_b, odd_b);
    u[4] = minus(even_b, odd_b);
    u[5] = g[2];
  }
  static void weight_grad(const Vector *u, Vector *g) {  // Gᵀ
    const Vector even_a = plus(u[1], u[2]), odd_a = minus(u[1], u[2]);
    const Vector even_b = plus(u[3], u[4]), odd_b = minus(u[3], u[4]);
    g[0] = plus_times(plus_times(times(1 / f0, u[0]), 1 / fa, even_a), 1 / fb, even_b);
    g[1] = plus_times(times(a / fa, odd_a), b / fb, odd_b);
    g[2] = plus_times(plus_times(u[5], aa / fa, even_a), bb / fb, even_b);
  }
};

}  // namespace twinview
TV_AVX512_END
#endif
#endif
