package model

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// convolutions are kernel, stride, padding, height and width: each that ResNet-18 has, and odd ones.
var convolutions = [][5]int{
	{3, 1, 1, 5, 4}, {3, 2, 1, 6, 6}, {3, 2, 1, 5, 7}, {1, 2, 0, 6, 5}, {3, 2, 1, 1, 1}, {2, 3, 0, 6, 7},
}

func TestConv2DGradient(t *testing.T) {
	for _, c := range convolutions {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			x := leaves([]int{2, c[3], c[4], 2}, []int{3, 2, c[0], c[0]})
			checkGradient(t, apply(t, Conv2D{Stride: c[1], Pad: c[2]}, x...), x...)
		})
	}
}

func TestConv2DEqualsStock(t *testing.T) {
	for _, c := range convolutions[:4] {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			x := leaves([]int{2, c[3], c[4], 2}, []int{3, 2, c[0], c[0]})
			ours := apply(t, Conv2D{Stride: c[1], Pad: c[2]}, x...)
			stock := must(t)(gorgonia.Conv2d(must(t)(gorgonia.Transpose(x[0], 0, 3, 1, 2)), x[1], tensor.Shape{c[0], c[0]},
				[]int{c[2], c[2]}, []int{c[1], c[1]}, []int{1, 1}))
			stock = must(t)(gorgonia.Transpose(stock, 0, 2, 3, 1))
			require.Equal(t, stock.Shape(), ours.Shape())
			values := compute64(t, ours, stock)
			requireClose(t, values[1], values[0], 1e-12)
		})
	}
}

func TestConv2DRefusesShapes(t *testing.T) {
	requireShapeError(t, Conv2D{Stride: 1}, "w takes 2 channels, x has 3", []int{1, 4, 4, 3}, []int{5, 2, 3, 3})
	requireShapeError(t, Conv2D{Stride: 1}, "square kernel", []int{1, 4, 4, 3}, []int{5, 3, 3, 1})
	requireShapeError(t, Conv2D{Stride: 1}, "smaller than the 3×3 kernel", []int{1, 2, 4, 3}, []int{5, 3, 3, 3})
	requireShapeError(t, Conv2D{}, "stride 0", []int{1, 4, 4, 3}, []int{5, 3, 3, 3})
	requireShapeError(t, Conv2D{Stride: 1}, "want rank 4", []int{4, 3}, []int{5, 3, 3, 3})
	requireShapeError(t, Conv2DInputGrad{Stride: 2, Pad: 1, Height: 4, Width: 4}, "dy has shape",
		[]int{5, 3, 3, 3}, []int{1, 4, 4, 5})
	requireShapeError(t, Conv2DWeightGrad{Stride: 2, Pad: 1, Kernel: 3}, "dy has shape",
		[]int{1, 4, 4, 3}, []int{1, 4, 4, 5})
}
