package model

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

func TestRowsGradient(t *testing.T) {
	x := leaves([]int{5, 2})
	checkGradient(t, apply(t, Rows{From: 1, To: 4}, x...), x...)
}

// Both halves of one matrix, as the two views of a batch: the gradients of the halves add up.
func TestRowsGradientOfBothHalves(t *testing.T) {
	x := leaves([]int{4, 2})
	first, second := apply(t, Rows{From: 0, To: 2}, x...), apply(t, Rows{From: 2, To: 4}, x...)
	checkGradient(t, apply(t, MatMul{TransA: true}, first, second), x...)
}

func TestRowsEqualStock(t *testing.T) {
	x := leaves([]int{5, 2})[0]
	values := compute64(t, apply(t, Rows{From: 1, To: 4}, x), must(t)(gorgonia.Slice(x, gorgonia.S(1, 4))))
	require.Equal(t, values[1], values[0])
}

func TestRowIsCopied(t *testing.T) {
	x := array[float64]{[]int{2, 3}, []float64{1, 2, 3, 4, 5, 6}}
	y, err := Row{Index: 1}.Do(x.value())
	require.NoError(t, err)
	require.Equal(t, []float64{4, 5, 6}, y.Data())
}

func TestRowsRefuseShapes(t *testing.T) {
	requireShapeError(t, Row{Index: 2}, "has no row 2", []int{2, 3})
	requireShapeError(t, Row{Index: -1}, "has no row -1", []int{2, 3})
	requireShapeError(t, Rows{From: 1, To: 3}, "has no rows 1 to 3", []int{2, 3})
	requireShapeError(t, Rows{From: 1, To: 1}, "has no rows 1 to 1", []int{2, 3})
	requireShapeError(t, RowsGrad{From: 1, To: 3, N: 4}, "dy has shape", []int{1, 3})
	requireShapeError(t, RowsGrad{From: 1, To: 3, N: 2}, "has no rows 1 to 3", []int{2, 3})
}
