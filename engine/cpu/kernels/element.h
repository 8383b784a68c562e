// The two element types of our own convolutions. Memory holds a group of 32 channels; Winograd's transforms see it as two
// vectors of float32, and the products as words (own.h).
#ifndef TWINVIEW_ENGINE_CPU_ELEMENT_H
#define TWINVIEW_ENGINE_CPU_ELEMENT_H

#include "loops.h"
#include "own.h"

#if TV_HAS_AVX512
TV_AVX512_BEGIN
namespace twinview {

using Vector = __m512;

inline Vector times(float a, Vector x) { return _mm512_mul_ps(_mm512_set1_ps(a), x); }
inline Vector plus_times(Vector sum, float a, Vector x) { return _mm512_fmadd_ps(_mm512_set1_ps(a), x, sum); }
inline Vector plus(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector minus(Vector a, Vector b) { return _mm512_sub_ps(a, b); }

// A product that no compiler contracts with an addition: gcc does not see through a mask.
inline Vector apart(Vector a, Vector b) { return _mm512_maskz_mul_ps(0xffff, a, b); }

inline __mmask32 first_channels(int64_t count) {
  return count >= kGroup ? ~__mmask32{0} : count <= 0 ? 0 : (__mmask32{1} << count) - 1;
}

struct Float32 {
  static constexpr int64_t kBytes = 4, kPerWord = 1;
  static int64_t channel(int64_t in_group) { return in_group; }

  static void load(const char *from, Vector *v) {
    v[0] = _mm512_loadu_ps(from);
    v[1] = _mm512_loadu_ps(from + 64);
  }
  static void load(const char *from, __mmask32 mask, Vector *v) {
    v[0] = _mm512_maskz_loadu_ps(mask & 0xffff, from);
    v[1] = _mm512_maskz_loadu_ps(mask >> 16, from + 64);
  }
  static void load_in_order(const char *from, __mmask32 mask, Vector *v) { load(from, mask, v); }
  // A float32 of each channel, in the order of load.
  static void load_factors(const float *from, __mmask32 mask, Vector *v) {
    load(reinterpret_cast<const char *>(from), mask, v);
  }
  // x·scale + shift, rounded as in batchnorm.cc's loops: with FMA where the compiler makes a build for AVX-512 of them.
  static Vector on_line(Vector x, Vector scale, Vector shift) {
    return TV_HAS_CLONES ? _mm512_fmadd_ps(x, scale, shift) : plus(apart(x, scale), shift);
  }
  // What a store and a load make of two vectors.
  static void round_trip(Vector *) {}
  static void store(char *to, Vector v0, Vector v1) {
    _mm512_storeu_ps(to, v0);
    _mm512_storeu_ps(to + 64, v1);
  }
  static void store(char *to, __mmask32 mask, Vector v0, Vector v1) {
    _mm512_mask_storeu_ps(to, mask & 0xffff, v0);
    _mm512_mask_storeu_ps(to + 64, mask >> 16, v1);
  }
  static void store_words(float *to, Vector v0, Vector v1) { store(reinterpret_cast<char *>(to), v0, v1); }
  // A group of channels of the pixels of one step, as words of neighbouring pixels.
  static void pack(const char *const *pixels, int64_t offset, __mmask32 mask, float *to) {
    Vector v[2];
    load(pixels[0] + offset, mask, v);
    store_words(to, v[0], v[1]);
  }
  static void copy(char *to, const char *from, __mmask32 mask) {
    Vector v[2];
    load(from, mask, v);
    store(to, v[0], v[1]);
  }
  static Vector multiply_add(Vector sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }
};

struct BFloat16 {
  static constexpr int64_t kBytes = 2, kPerWord = 2;
  // A load splits the channels into the even and the odd ones, and words are made of neighbours in that order.
  static int64_t channel(int64_t in_group) { return in_group < 16 ? 2 * in_group : 2 * in_group - 31; }

  // With masks, though all bits are set: gcc 12 takes the undefined operand of the plain forms for a mistake of ours.
  static __m512i shift_up(__m512i x) { return _mm512_maskz_slli_epi32(0xffff, x, 16); }
  static Vector widen(__m256i x) { return _mm512_castsi512_ps(shift_up(_mm512_maskz_cvtepu16_epi32(0xffff, x))); }

  static void split(__m512i pairs, Vector *v) {
    v[0] = _mm512_castsi512_ps(shift_up(pairs));
    v[1] = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000))));
  }
  static void load(const char *from, Vector *v) { split(_mm512_loadu_si512(from), v); }
  static void load(const char *from, __mmask32 mask, Vector *v) { split(_mm512_maskz_loadu_epi16(mask, from), v); }
  // Channels 0 to 15 and 16 to 31.
  static void load_in_order(const char *from, __mmask32 mask, Vector *v) {
    const __m512i all = _mm512_maskz_loadu_epi16(mask, from);
    v[0] = widen(_mm512_maskz_extracti64x4_epi64(0xff, all, 0));
    v[1] = widen(_mm512_maskz_extracti64x4_epi64(0xff, all, 1));
  }
  static void load_factors(const float *from, __mmask32 mask, Vector *v) {
    const Vector first = _mm512_maskz_loadu_ps(mask & 0xffff, from), second = _mm512_maskz_loadu_ps(mask >> 16, from + 16);
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    v[0] = _mm512_permutex2var_ps(first, even, second);
    v[1] = _mm512_permutex2var_ps(first, _mm512_add_epi32(even, _mm512_set1_epi32(1)), second);
  }
  // Without FMA, as those loops' vectors of half the width have none.
  static Vector on_line(Vector x, Vector scale, Vector shift) { return plus(apart(x, scale), shift); }
  static __m512i round(Vector v0, Vector v1) { return (__m512i)_mm512_cvtne2ps_pbh(v1, v0); }
  static void round_trip(Vector *v) {
    const __m512i rounded = round(v[0], v[1]);  // v[0]'s, then v[1]'s
    const __m512i high = _mm512_set_epi32(  // to the high 16 bits of each word
        0xf0000, 0xe0000, 0xd0000, 0xc0000, 0xb0000, 0xa0000, 0x90000, 0x80000, 0x70000, 0x60000, 0x50000, 0x40000,
        0x30000, 0x20000, 0x10000, 0);
    const __m512i second = _mm512_add_epi32(high, _mm512_set1_epi32(0x100000));
    v[0] = _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, high, rounded));
    v[1] = _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, second, rounded));
  }
  static void store(char *to, Vector v0, Vector v1) { _mm512_storeu_si512(to, round(v0, v1)); }
  static void store(char *to, __mmask32 mask, Vector v0, Vector v1) {
    _mm512_mask_storeu_epi16(to, mask, round(v0, v1));
  }
  static void store_words(float *to, Vector v0, Vector v1) { _mm512_storeu_si512(to, round(v0, v1)); }
  // Words of one element of each.
  static void store_interleaved(float *to, Vector v0, Vector v1) {
    const __m512i order = _mm512_set_epi32(  // the high 16 bits of a word come from the second half
        0x1f000f, 0x1e000e, 0x1d000d, 0x1c000c, 0x1b000b, 0x1a000a, 0x190009, 0x180008, 0x170007, 0x160006, 0x150005,
        0x140004, 0x130003, 0x120002, 0x110001, 0x100000);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(order, round(v0, v1)));
  }
  // Even channels, then odd ones.
  static void pack(const char *const *pixels, int64_t offset, __mmask32 mask, float *to) {
    const __m512i first = _mm512_maskz_loadu_epi16(mask, pixels[0] + offset);
    const __m512i second = _mm512_maskz_loadu_epi16(mask, pixels[1] + offset);
    _mm512_storeu_si512(to, _mm512_mask_blend_epi16(0xaaaaaaaa, first, shift_up(second)));
    _mm512_storeu_si512(to + 16, _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_maskz_srli_epi32(0xffff, first, 16), second));
  }
  static void copy(char *to, const char *from, __mmask32 mask) {
    _mm512_storeu_si512(to, _mm512_maskz_loadu_epi16(mask, from));
  }
  static Vector multiply_add(Vector sum, Vector a, Vector b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
  }
};

}  // namespace twinview
TV_AVX512_END
#endif
#endif
