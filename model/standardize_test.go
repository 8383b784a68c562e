package model

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

func TestStandardizeGradient(t *testing.T) {
	x := leaves([]int{4, 3})
	checkGradient(t, apply(t, Standardize{}, x...), x...)
}

func TestStandardizeEqualsStockOps(t *testing.T) {
	x := leaves([]int{4, 3})[0]
	centred := must(t)(gorgonia.BroadcastSub(x, must(t)(gorgonia.Mean(x, 0)), nil, []byte{0}))
	norms := must(t)(gorgonia.Sqrt(must(t)(gorgonia.Sum(must(t)(gorgonia.Square(centred)), 0))))
	stock := must(t)(gorgonia.BroadcastHadamardDiv(centred, norms, nil, []byte{0}))
	values := compute64(t, apply(t, Standardize{}, x), stock)
	requireClose(t, values[1], values[0], 1e-12)
}

func TestStandardizeOfAConstantColumnIsZeroAndItsGradientFinite(t *testing.T) {
	x, dy := array[float64]{[]int{2, 1}, []float64{7, 7}}, array[float64]{[]int{2, 1}, []float64{3, 1}}
	y, err := Standardize{}.Do(x.value())
	require.NoError(t, err)
	require.Equal(t, []float64{0, 0}, y.Data())
	dx, err := StandardizeGrad{}.Do(x.value(), y, dy.value())
	require.NoError(t, err)
	require.Equal(t, []float64{1 / NormFloor, -1 / NormFloor}, dx.Data())
}

func TestStandardizeRefusesOneRow(t *testing.T) {
	requireShapeError(t, Standardize{}, "at least 2 rows", []int{1, 3})
}
