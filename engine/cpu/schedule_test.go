package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/experiment"
	"twinview/model"
)

// TestFuse: in a ResNet-18 every ReLU has a batch norm before it, eight of them behind a residual addition. Only the
// shortcuts' batch norms stay alone.
func TestFuse(t *testing.T) {
	encoder := experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}
	n, err := model.NewEncoder(encoder, model.Options{Batch: 1, Size: 8})
	require.NoError(t, err)
	outputs := gorgonia.Nodes{n.Features}
	_, program, err := schedule(n.Graph, outputs)
	require.NoError(t, err)

	count := map[string]int{}
	for _, i := range fuse(program, outputs) {
		switch op := i.op.(type) {
		case normAddReLU:
			switch {
			case op.relu && len(i.inputs) == 5:
				count["norm, add, ReLU"]++
			case op.relu:
				count["norm, ReLU"]++
			case len(i.inputs) == 4:
				count["norm"]++
			}
		case model.Conv2D:
			count["convolution"]++
		case model.ReLU, addition:
			count["alone"]++
		}
	}
	require.Equal(t, map[string]int{"norm, add, ReLU": 8, "norm, ReLU": 9, "norm": 3, "convolution": 20}, count)
}

// TestFuseKeepsOutputs: a value that the caller asked for must not disappear into a fused instruction.
func TestFuseKeepsOutputs(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 8), gorgonia.WithName("x"))
	stats := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(2, 8), gorgonia.WithName("stats"))
	weight := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(8), gorgonia.WithName("weight"))
	bias := gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(8), gorgonia.WithName("bias"))
	norm := gorgonia.Must(gorgonia.ApplyOp(model.BatchNorm{Epsilon: 1e-5}, x, stats, weight, bias))
	relu := gorgonia.Must(gorgonia.ApplyOp(model.ReLU{}, norm))

	for outputs, want := range map[*gorgonia.Nodes]int{{relu}: 1, {relu, norm}: 2} {
		_, program, err := schedule(g, *outputs)
		require.NoError(t, err)
		require.Len(t, fuse(program, *outputs), want)
	}
}
