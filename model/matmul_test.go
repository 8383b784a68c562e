package model

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// products are all four transpositions with the shapes of inputs for a product [2, 4] over an inner dimension of 3.
var products = []struct {
	op   MatMul
	a, b []int
}{
	{MatMul{}, []int{2, 3}, []int{3, 4}},
	{MatMul{TransA: true}, []int{3, 2}, []int{3, 4}},
	{MatMul{TransB: true}, []int{2, 3}, []int{4, 3}},
	{MatMul{TransA: true, TransB: true}, []int{3, 2}, []int{4, 3}},
}

func TestMatMulGradient(t *testing.T) {
	for _, p := range products {
		t.Run(p.op.String(), func(t *testing.T) {
			x := leaves(p.a, p.b)
			checkGradient(t, apply(t, p.op, x...), x...)
		})
	}
}

func TestMatMulEqualsStock(t *testing.T) {
	for _, p := range products {
		t.Run(p.op.String(), func(t *testing.T) {
			x := leaves(p.a, p.b)
			a, b := x[0], x[1]
			if p.op.TransA {
				a = must(t)(gorgonia.Transpose(a))
			}
			if p.op.TransB {
				b = must(t)(gorgonia.Transpose(b))
			}
			ours := apply(t, p.op, x...)
			require.Equal(t, tensor.Shape{2, 4}, ours.Shape())
			values := compute64(t, ours, must(t)(gorgonia.Mul(a, b)))
			requireClose(t, values[1], values[0], 1e-12)
		})
	}
}

func TestMatMulRefusesShapes(t *testing.T) {
	requireShapeError(t, MatMul{}, "inner dimensions differ", []int{2, 3}, []int{4, 3})
	requireShapeError(t, MatMul{TransB: true}, "inner dimensions differ", []int{2, 3}, []int{3, 4})
}
