package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

func TestL2NormalizeGradient(t *testing.T) {
	x := leaves([]int{3, 4})
	checkGradient(t, apply(t, L2Normalize{}, x...), x...)
}

func TestL2NormalizeEqualsStockOps(t *testing.T) {
	x := leaves([]int{3, 4})[0]
	norms := must(t)(gorgonia.Sqrt(must(t)(gorgonia.Sum(must(t)(gorgonia.Square(x)), 1))))
	stock := must(t)(gorgonia.BroadcastHadamardDiv(x, norms, nil, []byte{1}))
	values := compute64(t, apply(t, L2Normalize{}, x), stock)
	requireClose(t, values[1], values[0], 1e-12)
}

func TestL2NormalizeOfZeroIsZeroAndItsGradientFinite(t *testing.T) {
	zero, dy := array[float64]{[]int{1, 2}, []float64{0, 0}}, array[float64]{[]int{1, 2}, []float64{3, 0}}
	y, err := L2Normalize{}.Do(zero.value())
	require.NoError(t, err)
	require.Equal(t, []float64{0, 0}, y.Data())
	dx, err := L2NormalizeGrad{}.Do(zero.value(), y, dy.value())
	require.NoError(t, err)
	require.Equal(t, []float64{3 / NormFloor, 0}, dx.Data())
}

func TestL2NormalizeDoesNotOverflow(t *testing.T) {
	x := array[float32]{[]int{1, 2}, []float32{3e30, 4e30}}
	y, err := L2Normalize{}.Do(x.value())
	require.NoError(t, err)
	require.InDelta(t, 0.6, y.Data().([]float32)[0], 1e-6)
	require.False(t, math.IsNaN(float64(y.Data().([]float32)[1])))
}
