package emulator_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Thread t has row t of 32 rows of 8 numbers, 256 times the row and the column, which make four matrices.
const rows = `
	shl.b32 %r0, %t, 4; mov.u32 %r1, common; add.s32 %r0, %r0, %r1;
	shl.b32 %r2, %t, 8; shl.b32 %r3, %r2, 16; add.s32 %r2, %r2, %r3;
	add.s32 %r3, %r2, 65536; add.s32 %r4, %r2, 196610; add.s32 %r5, %r2, 327684; add.s32 %r6, %r2, 458758;
	st.shared.u32 [%r0], %r3; st.shared.u32 [%r0+4], %r4; st.shared.u32 [%r0+8], %r5; st.shared.u32 [%r0+12], %r6;
	bar.sync 0;
`

func TestLoadMatrix(t *testing.T) {
	for _, transposed := range []bool{false, true} {
		for matrix := range 4 {
			form := ""
			if transposed {
				form = ".trans"
			}
			out, err := launch(t, rows+fmt.Sprintf(`
	ldmatrix.sync.aligned.x4%s.m8n8.shared.b16 {%%r20, %%r21, %%r22, %%r23}, [%%r0];
	cvt.u64.u32 %%rd9, %%r2%d; st.global.u64 [%%out], %%rd9;`, form, matrix), 32)
			require.NoError(t, err)
			for lane, got := range out {
				for half := range 2 {
					row, column := lane/4, lane%4*2+half
					if transposed {
						row, column = column, row
					}
					require.EqualValues(t, (8*matrix+row)<<8+column, got>>(16*half)&0xffff, "matrix %d, lane %d", matrix, lane)
				}
			}
		}
	}
}

// multiply runs an mma to which lane i gives whole numbers, a(i, register) and b(i, register), for A and B, and 1000 for C. It
// returns the product.
func multiply(t *testing.T, form string, a, b func(lane, register int) uint32) [16][8]float64 {
	t.Helper()
	var in []uint64
	for lane := range 32 {
		for register := range 8 {
			switch {
			case register < 4:
				in = append(in, uint64(a(lane, register)))
			case register < 6:
				in = append(in, uint64(b(lane, register-4)))
			default:
				in = append(in, 0)
			}
		}
	}
	var result [16][8]float64
	for register := range 4 {
		out, err := launch(t, fmt.Sprintf(`
	ld.param.u64 %%in, [param_in]; mul.wide.u32 %%rd0, %%t, 64; add.s64 %%in, %%in, %%rd0;
	ld.global.u32 %%r0, [%%in]; ld.global.u32 %%r1, [%%in+8]; ld.global.u32 %%r2, [%%in+16]; ld.global.u32 %%r3, [%%in+24];
	ld.global.u32 %%r4, [%%in+32]; ld.global.u32 %%r5, [%%in+40];
	mov.f32 %%f0, 0f447A0000;
	mma.sync.aligned.%s {%%f1,%%f2,%%f3,%%f4}, {%%r0,%%r1,%%r2,%%r3}, {%%r4,%%r5}, {%%f0,%%f0,%%f0,%%f0};
	cvt.f64.f32 %%fd0, %%f%d; cvt.rzi.s64.f64 %%rd9, %%fd0; st.global.u64 [%%out], %%rd9;`, form, register+1), 32, in...)
		require.NoError(t, err)
		for lane, got := range out {
			result[lane/4+register/2*8][lane%4*2+register%2] = float64(got)
		}
	}
	return result
}

func left(row, k int) float64     { return float64((row*7+k*3)%11) - 5 }
func right(k, column int) float64 { return float64((k*5+column)%7) - 3 }

func checkProduct(t *testing.T, got [16][8]float64, sum int) {
	t.Helper()
	for row := range 16 {
		for column := range 8 {
			want := 1000.
			for k := range sum {
				want += left(row, k) * right(k, column)
			}
			require.Equal(t, want, got[row][column], "row %d, column %d", row, column)
		}
	}
}

// Where A and B lie in registers is that of the PTX ISA, 9.7.14.5.8 (m16n8k16) and 9.7.14.5.5 (m16n8k8).
func TestMultiplyBfloat16(t *testing.T) {
	pair := func(low, high float64) uint32 { return uint32(f32(low)>>16 | f32(high)>>16<<16) }
	got := multiply(t, "m16n8k16.row.col.f32.bf16.bf16.f32", func(lane, register int) uint32 {
		row, k := lane/4+register%2*8, lane%4*2+register/2*8
		return pair(left(row, k), left(row, k+1))
	}, func(lane, register int) uint32 {
		k, column := lane%4*2+register*8, lane/4
		return pair(right(k, column), right(k+1, column))
	})
	checkProduct(t, got, 16)
}

// The lowest 13 bits are not looked at.
func TestMultiplyTF32(t *testing.T) {
	got := multiply(t, "m16n8k8.row.col.f32.tf32.tf32.f32", func(lane, register int) uint32 {
		return uint32(f32(left(lane/4+register%2*8, lane%4+register/2*4))) | 0x1fff
	}, func(lane, register int) uint32 {
		return uint32(f32(right(lane%4+register*4, lane/4))) | 0x1000
	})
	checkProduct(t, got, 8)
}

// A little less than 1000 is the number below it, not the nearest.
func TestMultiplyRoundsTowardsZero(t *testing.T) {
	first := func(value float64) func(lane, register int) uint32 {
		return func(lane, register int) uint32 {
			if lane%4 > 0 || register > 1 {
				return 0
			}
			return uint32(f32(value) >> 16)
		}
	}
	got := multiply(t, "m16n8k16.row.col.f32.bf16.bf16.f32", first(1), func(lane, register int) uint32 {
		if register > 0 {
			return 0
		}
		return first(-0x1p-20)(lane, register)
	})
	for row := range got {
		for column := range got[row] {
			require.EqualValues(t, 999, got[row][column])
		}
	}
}
