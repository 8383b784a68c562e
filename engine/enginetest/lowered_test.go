package enginetest

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/lowering"
)

// In float32 nothing is rounded, and the lowered graph is what Gorgonia's own machine computes.
func TestLoweredGraphsAreTheGraphs(t *testing.T) {
	for _, accumulates := range []bool{false, true} {
		Test(t, Lowered{Accumulates: func(lowering.Convolution) bool { return accumulates }}.Compile)
	}
}

func TestRoundedNumbers(t *testing.T) {
	for _, c := range []struct {
		round    func(float32) float32
		in, want float32
	}{
		{BFloat16, 1, 1},
		{BFloat16, 1 + 0x1p-8, 1},                    // a tie, to the even one
		{BFloat16, 1 + 0x3p-8, 1 + 0x1p-6},           // another
		{BFloat16, 1 + 0x1p-8 + 0x1p-20, 1 + 0x1p-7}, // above a tie
		{BFloat16, -1 - 0x1p-9, -1},
		{TF32, 1 + 0x1p-11, 1 + 0x1p-10}, // a tie, away from 0
		{TF32, -1 - 0x1p-11, -1 - 0x1p-10},
		{TF32, 1 + 0x1p-12, 1},
	} {
		require.Equal(t, c.want, c.round(c.in), "%v", c.in)
	}
	nan := float32(math.NaN())
	require.True(t, BFloat16(nan) != BFloat16(nan))
	require.True(t, TF32(nan) != TF32(nan))
}
