package emulator_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// one runs statements in one thread that has its numbers in %rd0 and so on, their lower halves in %r0, %h0 and %f0, and the whole
// in %fd0. The result is in %rd9.
func one(t *testing.T, statements string, in ...uint64) uint64 {
	t.Helper()
	load := `ld.global.u64 %rd0, [%in]; ld.global.u64 %rd1, [%in+8]; ld.global.u64 %rd2, [%in+16];
	cvt.u32.u64 %r0, %rd0; cvt.u32.u64 %r1, %rd1; cvt.u32.u64 %r2, %rd2;
	cvt.u16.u64 %h0, %rd0; cvt.u16.u64 %h1, %rd1;
	mov.b32 %f0, %r0; mov.b32 %f1, %r1; mov.b32 %f2, %r2;
	mov.b64 %fd0, %rd0; mov.b64 %fd1, %rd1; mov.b64 %fd2, %rd2;
	`
	store := "\nst.global.u64 [%out], %rd9;"
	for len(in) < 3 {
		in = append(in, 0)
	}
	out, err := launch(t, load+statements+store, 1, in...)
	require.NoError(t, err, statements)
	return out[0]
}

// How a result gets into %rd9.
const (
	fromR  = "; cvt.u64.u32 %rd9, %r9;"
	fromF  = "; mov.b32 %r9, %f9" + fromR
	fromFD = "; mov.b64 %rd9, %fd9;"
	fromP  = "; selp.u64 %rd9, 1, 0, %p9;"
	fromH  = "; cvt.u64.u16 %rd9, %h9;"
)

func f32(v float64) uint64 { return uint64(math.Float32bits(float32(v))) }
func f64(v float64) uint64 { return math.Float64bits(v) }

func TestIntegers(t *testing.T) {
	minus := func(n uint32) uint64 { return uint64(-n) }
	for _, c := range []struct {
		statement string
		in        []uint64
		want      uint64
	}{
		{"add.s32 %r9, %r0, %r1" + fromR, []uint64{0xffffffff, 2}, 1},
		{"sub.s32 %r9, %r0, -5" + fromR, []uint64{1}, 6},
		{"add.s64 %rd9, %rd0, -1;", []uint64{0}, math.MaxUint64},
		{"mul.lo.s32 %r9, %r0, %r1" + fromR, []uint64{0x10001, 0x10001}, 0x20001},
		{"mul.hi.u32 %r9, %r0, %r1" + fromR, []uint64{0xffffffff, 0xffffffff}, 0xfffffffe},
		{"mul.hi.s32 %r9, %r0, %r1" + fromR, []uint64{0xffffffff, 5}, 0xffffffff},
		{"mul.hi.s64 %rd9, %rd0, %rd1;", []uint64{math.MaxUint64, 5}, math.MaxUint64},
		{"mul.hi.u64 %rd9, %rd0, %rd1;", []uint64{1 << 63, 6}, 3},
		{"mul.wide.s32 %rd9, %r0, -3;", []uint64{7}, ^uint64(20)},
		{"mul.wide.u32 %rd9, %r0, %r1;", []uint64{0xffffffff, 0xffffffff}, 0xfffffffe00000001},
		{"mul.wide.u16 %r9, %h0, %h1" + fromR, []uint64{0xffff, 0xffff}, 0xfffe0001},
		{"mad.lo.s32 %r9, %r0, %r1, -1" + fromR, []uint64{3, 4}, 11},
		{"div.s32 %r9, %r0, %r1" + fromR, []uint64{minus(7), 2}, minus(3)},
		{"rem.s32 %r9, %r0, %r1" + fromR, []uint64{minus(7), 2}, minus(1)},
		{"div.u32 %r9, %r0, %r1" + fromR, []uint64{minus(7), 2}, 0x7ffffffc},
		{"rem.u64 %rd9, %rd0, %rd1;", []uint64{math.MaxUint64, 10}, 5},
		{"div.s64 %rd9, %rd0, %rd1;", []uint64{1 << 63, math.MaxUint64}, 1 << 63},
		// Shifts by the width and more leave nothing, or the sign.
		{"shl.b32 %r9, %r0, %r1" + fromR, []uint64{1, 31}, 1 << 31},
		{"shl.b32 %r9, %r0, %r1" + fromR, []uint64{1, 32}, 0},
		{"shl.b32 %r9, %r0, %r1" + fromR, []uint64{1, 0xffffffff}, 0},
		{"shr.u32 %r9, %r0, %r1" + fromR, []uint64{1 << 31, 33}, 0},
		{"shr.s32 %r9, %r0, %r1" + fromR, []uint64{1 << 31, 200}, 0xffffffff},
		{"shr.s32 %r9, %r0, 4" + fromR, []uint64{0xffffff00}, 0xfffffff0},
		{"shr.s64 %rd9, %rd0, 64;", []uint64{1 << 63}, math.MaxUint64},
		{"shl.b64 %rd9, %rd0, %r1;", []uint64{3, 63}, 1 << 63},
		{"bfi.b32 %r9, %r0, %r1, 8, 4" + fromR, []uint64{0xff, 0x12345678}, 0x12345f78},
		{"bfi.b32 %r9, %r0, %r1, 16, 40" + fromR, []uint64{0xabcd, 0x1234}, 0xabcd1234},
		{"not.b32 %r9, %r0" + fromR, []uint64{1}, 0xfffffffe},
		{"neg.s32 %r9, %r0" + fromR, []uint64{1}, 0xffffffff},
		{"abs.s32 %r9, %r0" + fromR, []uint64{minus(9)}, 9},
		{"min.s32 %r9, %r0, %r1" + fromR, []uint64{minus(1), 1}, minus(1)},
		{"max.u32 %r9, %r0, %r1" + fromR, []uint64{minus(1), 1}, minus(1)},
		{"popc.b32 %r9, %r0" + fromR, []uint64{0xf0f0}, 8},
		{"clz.b32 %r9, %r0" + fromR, []uint64{1}, 31},
		{"setp.lt.s32 %p9, %r0, 0" + fromP, []uint64{minus(1)}, 1},
		{"setp.lt.u32 %p9, %r0, 1" + fromP, []uint64{minus(1)}, 0},
		{"setp.lt.s16 %p9, %h0, 0" + fromP, []uint64{0x8000}, 1},
		{"setp.hs.u64 %p9, %rd0, %rd1" + fromP, []uint64{1 << 63, 1}, 1},
		{"setp.eq.s32 %p0, %r0, 3; not.pred %p9, %p0" + fromP, []uint64{4}, 1},
		{"setp.eq.s32 %p0, %r0, 3; mov.pred %p1, -1; xor.pred %p9, %p0, %p1" + fromP, []uint64{3}, 0},
		{"setp.eq.s32 %p0, %r0, 3; @!%p0 bra $skip; mov.u64 %rd9, 5; $skip:", []uint64{3}, 5},
		{"mov.b32 {%h8, %h9}, %r0" + fromH, []uint64{0x12345678}, 0x1234},
		{"mov.b64 %rd9, {%r1, %r0};", []uint64{1, 2}, 1<<32 | 2},
		{"mov.b32 %f9, {0, %h0}" + fromF, []uint64{0x3f80}, f32(1)},
		{"cvt.s64.s32 %rd9, %rd0;", []uint64{0x1_ffff_ffff}, math.MaxUint64},
		{"cvt.u16.u32 %h9, %r0" + fromH, []uint64{0x12345}, 0x2345},
		{"{ .reg .b32 %r9; mov.u32 %r9, 1; } mov.u32 %r9, 2; { .reg .b32 %r9; mov.u32 %r9, 3; } cvt.u64.u32 %rd9, %r9;", nil, 2},
		{"st.shared.u16 [common+2], %h0; st.shared.u16 [common], %h1; ld.shared.s16 %r9, [common+2]" + fromR,
			[]uint64{0xfffe}, 0xfffffffe},
		{"mov.u64 %rd0, frame; st.local.v2.u32 [%rd0+8], {%r1, %r2}; ld.local.u64 %rd9, [%rd0+8];", []uint64{0, 1, 2}, 2<<32 | 1},
		{"mov.u64 %rd0, frame; cvta.local.u64 %rd1, %rd0; st.u8 [%rd1+1], %h0; ld.local.u8 %h9, [%rd0+1]" + fromH, []uint64{7}, 7},
		{"mov.u64 %rd0, common; st.shared.u32 [common], 77; cvta.shared.u64 %rd1, %rd0; ld.u32 %r9, [%rd1]" + fromR, nil, 77},
		{"mov.u64 %rd0, words; ld.global.u8 %h9, [%rd0+1]" + fromH, nil, 111},
		{"membar.gl; fence.acq_rel.gpu; mov.u64 %rd9, 5;", nil, 5},
		{"mov.u64 %rd9, 3; st.global.u64 [%out], %rd9; exit; mov.u64 %rd9, 4;", nil, 3},
		{"atom.global.min.s32 %r8, [%in], -4; ld.global.s32 %rd9, [%in];", []uint64{3}, ^uint64(3)},
		{"atom.global.or.b32 %r9, [%in], 4" + fromR, []uint64{3}, 3},
	} {
		require.Equal(t, c.want, one(t, c.statement, c.in...), c.statement)
	}
}

func TestFloats(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	const canonical = 0x7fffffff
	tiny := 0x1p-149
	for _, c := range []struct {
		statement string
		in        []uint64
		want      uint64
	}{
		{"add.f32 %f9, %f0, %f1" + fromF, []uint64{f32(1), f32(0x1p-24)}, f32(1)},
		{"add.f32 %f9, %f0, 0f3F800000" + fromF, []uint64{f32(1)}, f32(2)},
		{"add.f32 %f9, %f0, %f1" + fromF, []uint64{f32(inf), f32(-inf)}, canonical},
		{"mul.f32 %f9, %f0, %f1" + fromF, []uint64{f32(tiny), f32(3)}, f32(3 * tiny)},
		// Rounded once: in float64 the sum is a tie between two float32, and the small addend decides.
		{"fma.rn.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(1 + 0x1p-12), f32(1 + 0x1p-12), f32(0x1p-80)}, f32(1 + 0x1p-11 + 0x1p-23)},
		{"fma.rn.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(1 + 0x1p-12), f32(1 + 0x1p-12), f32(-0x1p-80)}, f32(1 + 0x1p-11)},
		{"fma.rn.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(0x1p-100), f32(0x1p-50), f32(tiny)}, f32(2 * tiny)},
		{"fma.rn.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(inf), f32(0), f32(1)}, canonical},
		{"fma.rm.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(1), f32(1), f32(-tiny)}, f32(1 - 0x1p-24)},
		{"fma.rm.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(1), f32(1), f32(tiny)}, f32(1)},
		{"fma.rm.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(-1), f32(1), f32(-tiny)}, f32(-1 - 0x1p-23)},
		{"fma.rm.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(0x1p127), f32(4), f32(1)}, f32(math.MaxFloat32)},
		{"fma.rm.f32 %f9, %f0, %f1, %f2" + fromF, []uint64{f32(1), f32(1), f32(-1)}, 1 << 31},
		{"div.rn.f32 %f9, %f0, %f1" + fromF, []uint64{f32(1), f32(3)}, f32(1. / 3)},
		{"rcp.rn.f32 %f9, %f0" + fromF, []uint64{f32(0)}, f32(inf)},
		{"sqrt.rn.f32 %f9, %f0" + fromF, []uint64{f32(2)}, f32(math.Sqrt2)},
		{"ex2.approx.ftz.f32 %f9, %f0" + fromF, []uint64{f32(-3)}, f32(0.125)},
		{"ex2.approx.ftz.f32 %f9, %f0" + fromF, []uint64{f32(-130)}, 0},
		{"min.f32 %f9, %f0, %f1" + fromF, []uint64{f32(nan), f32(3)}, f32(3)},
		{"max.f32 %f9, %f0, %f1" + fromF, []uint64{1 << 31, 0}, 0},
		{"max.f32 %f9, %f0, %f1" + fromF, []uint64{f32(-2), f32(-3)}, f32(-2)},
		{"max.f32 %f9, %f0, %f1" + fromF, []uint64{f32(nan), f32(nan)}, canonical},
		{"neg.f32 %f9, %f0" + fromF, []uint64{f32(2)}, f32(-2)},
		{"abs.f32 %f9, %f0" + fromF, []uint64{f32(-2)}, f32(2)},
		{"fma.rn.f64 %fd9, %fd0, %fd1, %fd2" + fromFD, []uint64{f64(1 + 0x1p-52), f64(1 + 0x1p-52), f64(-1 - 0x1p-51)}, f64(0x1p-104)},
		{"rcp.approx.ftz.f64 %fd9, %fd0" + fromFD, []uint64{f64(3)}, f64(1./3) >> 32 << 32},
		{"max.f64 %fd9, %fd0, 0d0000000000000000" + fromFD, []uint64{f64(nan)}, 0},
		{"cvt.rn.f32.f64 %f9, %fd0" + fromF, []uint64{f64(1 + 0x1p-24 + 0x1p-50)}, f32(1 + 0x1p-23)},
		{"cvt.f64.f32 %fd9, %f0" + fromFD, []uint64{f32(1. / 3)}, f64(float64(float32(1. / 3)))},
		{"cvt.rmi.f32.f32 %f9, %f0" + fromF, []uint64{f32(-1.5)}, f32(-2)},
		{"cvt.rzi.f64.f64 %fd9, %fd0" + fromFD, []uint64{f64(-1.5)}, f64(-1)},
		{"cvt.sat.f32.f32 %f9, %f0" + fromF, []uint64{f32(1.5)}, f32(1)},
		{"cvt.sat.f32.f32 %f9, %f0" + fromF, []uint64{f32(nan)}, 0},
		{"cvt.rzi.s32.f64 %r9, %fd0" + fromR, []uint64{f64(-2.9)}, 0xfffffffe},
		{"cvt.rzi.s32.f64 %r9, %fd0" + fromR, []uint64{f64(1e10)}, math.MaxInt32},
		{"cvt.rzi.s64.f32 %rd9, %f0;", []uint64{f32(-1e30)}, 1 << 63},
		{"cvt.rzi.u32.f32 %r9, %f0" + fromR, []uint64{f32(-1)}, 0},
		{"cvt.rni.s32.f32 %r9, %f0" + fromR, []uint64{f32(2.5)}, 2},
		{"cvt.rn.f32.s64 %f9, %rd0" + fromF, []uint64{1<<53 + 1<<29 + 1}, f32(0x1p53 + 0x1p30)},
		{"cvt.rn.f32.u16 %f9, %h0" + fromF, []uint64{0xffff}, f32(65535)},
		{"cvt.rn.f64.s32 %fd9, %r0" + fromFD, []uint64{0xffffffff}, f64(-1)},
		{"cvt.rn.bf16.f32 %h9, %f0" + fromH, []uint64{0x3f808000}, 0x3f80},
		{"cvt.rn.bf16.f32 %h9, %f0" + fromH, []uint64{0x3f818000}, 0x3f82},
		{"cvt.rn.bf16x2.f32 %r9, %f0, %f1" + fromR, []uint64{f32(1), f32(-2)}, 0x3f80c000},
		{"cvt.rn.bf16x2.f32 %r9, %f0, %f1" + fromR, []uint64{f32(nan), f32(inf)}, 0x7fff7f80},
		// Ties go away from zero.
		{"cvt.rna.tf32.f32 %r9, %f0" + fromR, []uint64{0x3f801000}, 0x3f802000},
		{"cvt.rna.tf32.f32 %r9, %f0" + fromR, []uint64{0xbf800fff}, 0xbf800000},
		{"setp.lt.f32 %p9, %f0, %f1" + fromP, []uint64{f32(nan), f32(1)}, 0},
		{"setp.ltu.f32 %p9, %f0, %f1" + fromP, []uint64{f32(nan), f32(1)}, 1},
		{"setp.neu.f64 %p9, %fd0, %fd1" + fromP, []uint64{f64(1), f64(1)}, 0},
		{"setp.geu.f32 %p9, %f0, %f1" + fromP, []uint64{f32(2), f32(1)}, 1},
		{"setp.eq.f32 %p9, %f0, %f1" + fromP, []uint64{1 << 31, 0}, 1},
		{"setp.nan.f32 %p9, %f0, %f1" + fromP, []uint64{f32(nan), 0}, 1},
		{"setp.num.f32 %p9, %f0, %f1" + fromP, []uint64{f32(1), 0}, 1},
		{"setp.gt.f32 %p0, %f0, %f1; selp.f32 %f9, %f0, %f1, %p0" + fromF, []uint64{f32(1), f32(2)}, f32(2)},
	} {
		require.Equal(t, c.want, one(t, c.statement, c.in...), c.statement)
	}
}

// Against the same in exact arithmetic, for numbers of all sizes.
func TestFusedMultiplyAddIsRoundedOnce(t *testing.T) {
	random := newRandom(t)
	for range 200 {
		var in [3]uint64
		var exact [3]float64
		for i := range in {
			v := float32(math.Ldexp(random.Float64()*2-1, random.IntN(60)-30))
			in[i], exact[i] = uint64(math.Float32bits(v)), float64(v)
		}
		near, down := exactly(exact)
		require.Equal(t, near, one(t, "fma.rn.f32 %f9, %f0, %f1, %f2"+fromF, in[:]...), in)
		require.Equal(t, down, one(t, "fma.rm.f32 %f9, %f0, %f1, %f2"+fromF, in[:]...), in)
	}
}
