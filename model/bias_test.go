package model

import (
	"testing"

	"gorgonia.org/gorgonia"
)

func TestAddBiasGradient(t *testing.T) {
	x := leaves([]int{3, 4}, []int{4})
	checkGradient(t, apply(t, AddBias{}, x...), x...)
}

func TestAddBiasEqualsStock(t *testing.T) {
	x := leaves([]int{3, 4}, []int{4})
	stock := must(t)(gorgonia.BroadcastAdd(x[0], x[1], nil, []byte{0}))
	values := compute64(t, apply(t, AddBias{}, x...), stock)
	requireClose(t, values[1], values[0], 1e-12)
}

func TestAddBiasRefusesShapes(t *testing.T) {
	requireShapeError(t, AddBias{}, "bias has shape (3)", []int{3, 4}, []int{3})
}
