package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

func TestSoftmaxCrossEntropyGradient(t *testing.T) {
	x := leaves([]int{4, 3}, []int{4})
	bind(x[1], []float64{2, 0, 1, 2})
	checkGradient(t, apply(t, SoftmaxCrossEntropy{}, x...), x[0])
}

func TestSoftmaxCrossEntropyEqualsStockOps(t *testing.T) {
	x := leaves([]int{3, 4}, []int{3}, []int{3, 4})
	bind(x[1], []float64{3, 0, 1})
	bind(x[2], []float64{0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0})
	logs := must(t)(gorgonia.Log(must(t)(gorgonia.SoftMax(x[0], 1))))
	stock := must(t)(gorgonia.Sum(must(t)(gorgonia.HadamardProd(x[2], logs))))
	values := compute64(t, apply(t, SoftmaxCrossEntropy{}, x[0], x[1]), stock)
	require.InDelta(t, -values[1][0]/3, values[0][0], 1e-12)
}

func TestSoftmaxCrossEntropyOfLargeLogitsIsFinite(t *testing.T) {
	logits, labels := array[float32]{[]int{1, 2}, []float32{3000, -3000}}, array[float32]{[]int{1}, []float32{1}}
	loss, err := SoftmaxCrossEntropy{}.Do(logits.value(), labels.value())
	require.NoError(t, err)
	require.Equal(t, float32(6000), loss.Data())
}

func TestSoftmaxCrossEntropyRefusesLabels(t *testing.T) {
	logits := array[float64]{[]int{2, 3}, make([]float64, 6)}.value()
	for _, label := range []float64{3, -1, 0.5, math.NaN(), math.Inf(1)} {
		labels := array[float64]{[]int{2}, []float64{0, label}}.value()
		_, err := SoftmaxCrossEntropy{}.Do(logits, labels)
		require.ErrorContains(t, err, "label of row 1 is")
		_, err = SoftmaxCrossEntropyGrad{}.Do(logits, labels, gorgonia.NewF64(1))
		require.ErrorContains(t, err, "want an integer from 0 to 2")
	}
}

func TestSoftmaxCrossEntropyRefusesShapes(t *testing.T) {
	requireShapeError(t, SoftmaxCrossEntropy{}, "labels has shape (3)", []int{2, 3}, []int{3})
}
