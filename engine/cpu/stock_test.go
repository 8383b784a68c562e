package cpu_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/model"
)

// BenchmarkConvolution is one layer of ResNet-18's first stage, 64 → 64 channels, 3×3, on 32×32, forward and backward: by
// Gorgonia's own convolution on its own machine, and by ours. GFLOP/s count a multiplication and an addition as two.
func BenchmarkConvolution(b *testing.B) {
	const batch, channels, size = 16, 64, 32
	flops := 3 * 2.0 * batch * channels * channels * 9 * size * size

	measure := func(b *testing.B, run func() error) {
		require.NoError(b, run())
		for b.Loop() {
			require.NoError(b, run())
		}
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	}
	b.Run("stock", func(b *testing.B) {
		g, x, w := layer(batch, channels, size, size)
		y, err := gorgonia.Conv2d(x, w, tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1})
		require.NoError(b, err)
		outputs := differentiate(b, y, x, w)
		m, err := engine.Reference(g, outputs, nil)
		require.NoError(b, err)
		defer m.Close()
		measure(b, m.RunAll)
	})
	b.Run("ours", func(b *testing.B) {
		g, x, w := layer(batch, size, size, channels)
		y, err := gorgonia.ApplyOp(model.Conv2D{Stride: 1, Pad: 1}, x, w)
		require.NoError(b, err)
		outputs := differentiate(b, y, x, w)
		m, err := cpu.Compile(g, outputs, nil)
		require.NoError(b, err)
		defer m.Close()
		measure(b, m.RunAll)
	})
}

// layer makes the leaves of a convolution of 64 channels; the axes are those behind the batch.
func layer(batch int, axes ...int) (g *gorgonia.ExprGraph, x, w *gorgonia.Node) {
	g = gorgonia.NewGraph()
	shape := append([]int{batch}, axes...)
	x = gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(shape...), gorgonia.WithName("x"), gorgonia.WithInit(gorgonia.GlorotN(1)))
	w = gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(64, 64, 3, 3), gorgonia.WithName("w"), gorgonia.WithInit(gorgonia.GlorotN(1)))
	return g, x, w
}

// differentiate backpropagates a gradient of y's own shape, a leaf, so that nothing but the convolution is measured.
func differentiate(b *testing.B, y, x, w *gorgonia.Node) gorgonia.Nodes {
	dy := gorgonia.NewTensor(y.Graph(), tensor.Float32, 4, gorgonia.WithShape(y.Shape()...), gorgonia.WithName("dy"), gorgonia.WithInit(gorgonia.GlorotN(1)))
	grads, err := gorgonia.Backpropagate(gorgonia.Nodes{y}, gorgonia.Nodes{dy}, gorgonia.Nodes{x, w})
	require.NoError(b, err)
	return append(gorgonia.Nodes{y}, grads...)
}
