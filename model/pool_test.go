package model

import (
	"testing"

	"gorgonia.org/gorgonia"
)

func TestGlobalAvgPoolGradient(t *testing.T) {
	x := leaves([]int{2, 3, 2, 4})
	checkGradient(t, apply(t, GlobalAvgPool{}, x...), x...)
}

func TestGlobalAvgPoolEqualsStock(t *testing.T) {
	x := leaves([]int{2, 3, 2, 4})[0]
	stock := must(t)(gorgonia.GlobalAveragePool2D(must(t)(gorgonia.Transpose(x, 0, 3, 1, 2))))
	values := compute64(t, apply(t, GlobalAvgPool{}, x), stock)
	requireClose(t, values[1], values[0], 1e-12)
}

func TestGlobalAvgPoolRefusesShapes(t *testing.T) {
	requireShapeError(t, GlobalAvgPool{}, "want rank 4", []int{2, 3})
}
