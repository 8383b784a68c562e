package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

func TestBatchStatsAreMeanAndBiasedVariance(t *testing.T) {
	x := leaves([]int{2, 3, 2, 2})[0]
	stats := compute64(t, apply(t, BatchStats{}, x))[0]
	values := x.Value().Data().([]float64)
	for c := range 2 {
		sum, squares := 0.0, 0.0
		for i := c; i < len(values); i += 2 {
			sum += values[i]
			squares += values[i] * values[i]
		}
		mean := sum / 12
		require.InDelta(t, mean, stats[c], 1e-12)
		require.InDelta(t, squares/12-mean*mean, stats[2+c], 1e-12)
	}
}

func TestBatchStatsKeepTheVarianceBesideALargeMean(t *testing.T) {
	x := array[float32]{[]int{4, 1}, []float32{10000, 10001, 10002, 10003}}
	stats, err := BatchStats{}.Do(x.value())
	require.NoError(t, err)
	require.Equal(t, []float32{10001.5, 1.25}, stats.Data())
}

// The gradient by x is the total derivative: the differences go through the statistics too.
func TestBatchNormGradient(t *testing.T) {
	for _, shape := range [][]int{{5, 3}, {2, 3, 2, 3}} {
		t.Run(fmt.Sprint(shape), func(t *testing.T) {
			x := leaves(shape, []int{3}, []int{3})
			y := apply(t, BatchNorm{Epsilon: 1e-2}, x[0], apply(t, BatchStats{}, x[0]), x[1], x[2])
			checkGradient(t, y, x...)
		})
	}
}

func TestBatchNormByRunningStatistics(t *testing.T) {
	x := leaves([]int{4, 2}, []int{2, 2}, []int{2}, []int{2})
	bind(x[1], []float64{0.5, -1, 4, 9})
	y := apply(t, BatchNorm{Epsilon: 1e-5}, x...)
	values := compute64(t, y, x[0], x[2], x[3])
	for i, v := range values[1] {
		mean, variance := []float64{0.5, -1}[i%2], []float64{4, 9}[i%2]
		want := (v-mean)/math.Sqrt(variance+1e-5)*values[2][i%2] + values[3][i%2]
		require.InDelta(t, want, values[0][i], 1e-12)
	}
}

func TestBatchNormHasNoGradientByRunningStatistics(t *testing.T) {
	x := leaves([]int{4, 2}, []int{2, 2}, []int{2}, []int{2})
	y := apply(t, BatchNorm{Epsilon: 1e-5}, x...)
	_, err := gorgonia.Grad(weighted(t, y), x[2])
	require.ErrorContains(t, err, "not those of the batch")
}

func TestBatchNormRefusesShapes(t *testing.T) {
	op := BatchNorm{Epsilon: 1e-5}
	requireShapeError(t, op, "want [N, C] or [N, H, W, C]", []int{4, 2, 2}, []int{2, 2}, []int{2}, []int{2})
	requireShapeError(t, op, "stats has shape (2, 3)", []int{4, 2}, []int{2, 3}, []int{2}, []int{2})
	requireShapeError(t, op, "weight has shape (3)", []int{4, 2}, []int{2, 2}, []int{3}, []int{2})
	requireShapeError(t, op, "bias has shape (3)", []int{4, 2}, []int{2, 2}, []int{2}, []int{3})
}
