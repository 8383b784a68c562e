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
	p, err := schedule(n.Graph, outputs)
	require.NoError(t, err)
	p.lowerConvolutions()
	p.fuse()

	count := map[string]int{}
	for _, i := range p.instructions {
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
		case convolution:
			count["convolution"]++
		case model.ReLU, addition:
			count["alone"]++
		}
	}
	require.Equal(t, map[string]int{"norm, add, ReLU": 8, "norm, ReLU": 9, "norm": 3, "convolution": 20}, count)
}

// TestFuseBackward: no ReLU's gradient is a pass of its own. Nine ReLUs follow their batch norm directly, and eight a
// residual addition.
func TestFuseBackward(t *testing.T) {
	encoder := experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}
	n, err := model.NewClassifier(encoder, 10, model.Options{Batch: 2, Size: 8})
	require.NoError(t, err)
	var outputs gorgonia.Nodes
	for _, p := range n.Parameters {
		outputs = append(outputs, p.Grad)
	}
	p, err := schedule(n.Graph, outputs)
	require.NoError(t, err)
	p.fuse()

	count := map[string]int{}
	for _, i := range p.instructions {
		switch i.op.(type) {
		case normAffineGrad:
			if len(i.inputs) == 5 {
				count["recomputed mask"]++
			} else {
				count["no mask"]++
			}
		case reluNormAffineGrad:
			count["mask read"]++
		case normInputGrad:
			if len(i.inputs) == 6 {
				count["recomputed mask, input"]++
			}
		case model.ReLUGrad:
			count["alone"]++
		}
	}
	want := map[string]int{"recomputed mask": 9, "recomputed mask, input": 9, "mask read": 8, "no mask": 3}
	require.Equal(t, want, count)
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
		p, err := schedule(g, *outputs)
		require.NoError(t, err)
		p.fuse()
		require.Len(t, p.instructions, want)
	}
}

// TestFuseInputs: the second convolution of each of the eight blocks takes batch norm and ReLU in, forward and for its
// weights' gradient. Where the caller asked for the ReLU's result, or a convolution is not Winograd's, nothing does.
func TestFuseInputs(t *testing.T) {
	if !ownSupports(Float32) {
		t.Skip("this CPU has no AVX-512")
	}
	encoder := experiment.Encoder{Architecture: experiment.ResNet18, Width: 16}
	count := func(tile int, relus bool) map[string]int {
		n, err := model.NewClassifier(encoder, 10, model.Options{Batch: 2, Size: 32})
		require.NoError(t, err)
		var outputs gorgonia.Nodes
		for _, p := range n.Parameters {
			outputs = append(outputs, p.Grad)
		}
		for _, node := range n.Graph.AllNodes() {
			if _, ok := node.Op().(model.ReLU); ok && relus {
				outputs = append(outputs, node)
			}
		}
		p, err := schedule(n.Graph, outputs)
		require.NoError(t, err)
		p.lowerConvolutions()
		o := Options{Threads: 1, Winograd: Winograd{Forward: tile, InputGrad: tile, WeightGrad: tile}}
		require.NoError(t, newChooser(o, nil).algorithms(p))
		p.fuse()
		count := map[string]int{}
		for _, i := range p.instructions {
			switch op := i.op.(type) {
			case normAddReLU:
				if op.relu && len(i.inputs) == 4 {
					count["norm, ReLU"]++
				}
			case convolution:
				if op.norm {
					count[op.direction.String()]++
				}
			}
		}
		return count
	}
	require.Equal(t, map[string]int{"norm, ReLU": 1, "forward": 8, "weight gradient": 8}, count(4, false))
	require.Equal(t, map[string]int{"norm, ReLU": 9}, count(4, true))
	require.Equal(t, map[string]int{"norm, ReLU": 9}, count(0, false))
}
