//go:build gpu

package cuda_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/engine/enginetest"
	"twinview/model"
)

// twins is the loss of Barlow Twins on a leaf with the projections of both views, and its gradient.
func twins(t *testing.T, images, width int, lambda float64) (x *gorgonia.Node, outputs gorgonia.Nodes) {
	t.Helper()
	apply := func(op gorgonia.Op, inputs ...*gorgonia.Node) *gorgonia.Node {
		n, err := gorgonia.ApplyOp(op, inputs...)
		require.NoError(t, err)
		return n
	}
	x = gorgonia.NewMatrix(gorgonia.NewGraph(), tensor.Float32, gorgonia.WithShape(2*images, width), gorgonia.WithName("x"))
	first := apply(model.Standardize{}, apply(model.Rows{To: images}, x))
	second := apply(model.Standardize{}, apply(model.Rows{From: images, To: 2 * images}, x))
	loss := apply(model.RedundancyReduction{Lambda: lambda}, first, second)
	grads, err := gorgonia.Grad(loss, x)
	require.NoError(t, err)
	return x, gorgonia.Nodes{loss, grads[0]}
}

// runTwins returns loss and gradient of numbers that are the same each time.
func runTwins(t *testing.T, compile engine.Compiler, images, width int, lambda float64) [2][]float32 {
	t.Helper()
	x, outputs := twins(t, images, width, lambda)
	m, err := compile(x.Graph(), outputs, nil)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	enginetest.Fill(m.Values(x), 1, 1)
	require.NoError(t, m.RunAll())
	return [2][]float32{m.Values(outputs[0]), m.Values(outputs[1])}
}

// By inner products of rows and of columns, with sums that are divided and such that are not.
func TestBarlowTwins(t *testing.T) {
	for _, s := range []struct {
		images, width int
		lambda        float64
	}{{2, 5, 0.0051}, {70, 90, 0.0051}, {33, 700, 0.0051}, {90, 70, 0.0051}, {600, 33, 0.0051}, {40, 80, 1e4}, {40, 80, 0}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			reference := runTwins(t, engine.Reference, s.images, s.width, s.lambda)
			rounded := runTwins(t, enginetest.Lowered{Factor: enginetest.TF32}.Compile, s.images, s.width, s.lambda)
			single := runTwins(t, cuda.Compiler(cuda.Options{}), s.images, s.width, s.lambda)
			tensors := runTwins(t, cuda.Compiler(cuda.Options{TF32: true}), s.images, s.width, s.lambda)
			for i, what := range []string{"loss", "gradient"} {
				require.Less(t, enginetest.Distance(single[i], reference[i]), 1e-5, what)
				require.Less(t, enginetest.Distance(tensors[i], rounded[i]), 1e-5, "%s in TF32", what)
				d := enginetest.Distance(tensors[i], reference[i])
				t.Logf("%s: TF32 is off by %.1e", what, d)
				require.Less(t, d, 2e-3, "%s in TF32", what)
			}
		})
	}
}

func TestBarlowTwinsKeepsNaN(t *testing.T) {
	for _, width := range []int{3, 20} {
		for _, options := range []cuda.Options{{}, {TF32: true}} {
			x, outputs := twins(t, 8, width, 0)
			m, err := cuda.Compiler(options)(x.Graph(), outputs, nil)
			require.NoError(t, err)
			defer m.Close()
			enginetest.Fill(m.Values(x), 1, 1)
			m.Values(x)[0] = float32(math.NaN())
			require.NoError(t, m.RunAll())
			require.True(t, math.IsNaN(float64(m.Values(outputs[0])[0])))
			require.True(t, math.IsNaN(float64(m.Values(outputs[1])[0])))
		}
	}
}
