package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

func TestReLUGradient(t *testing.T) {
	x := leaves([]int{3, 2, 2})
	checkGradient(t, apply(t, ReLU{}, x...), x...)
}

func TestReLUEqualsStock(t *testing.T) {
	x := leaves([]int{3, 2, 2})[0]
	values := compute64(t, apply(t, ReLU{}, x), must(t)(gorgonia.Rectify(x)))
	require.Equal(t, values[1], values[0])
}

func TestReLUKeepsNaN(t *testing.T) {
	x := array[float64]{[]int{2}, []float64{math.NaN(), -1}}
	y, err := ReLU{}.Do(x.value())
	require.NoError(t, err)
	require.True(t, math.IsNaN(y.Data().([]float64)[0]))
	require.Zero(t, y.Data().([]float64)[1])
}
