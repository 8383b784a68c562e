package lowering

import (
	"maps"
	"slices"
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
	p, err := NewProgram(n.Graph, outputs)
	require.NoError(t, err)
	p.Fuse(Passing{})

	count := map[string]int{}
	for _, i := range p.Instructions {
		switch op := i.Op.(type) {
		case NormAddReLU:
			switch {
			case op.ReLU && len(i.Inputs) == 5:
				count["norm, add, ReLU"]++
			case op.ReLU:
				count["norm, ReLU"]++
			case len(i.Inputs) == 4:
				count["norm"]++
			}
		case Convolution:
			count["convolution"]++
		case model.ReLU, Addition:
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
	p, err := NewProgram(n.Graph, outputs)
	require.NoError(t, err)
	p.Fuse(Passing{})

	count := map[string]int{}
	for _, i := range p.Instructions {
		switch i.Op.(type) {
		case NormAffineGrad:
			if len(i.Inputs) == 5 {
				count["recomputed mask"]++
			} else {
				count["no mask"]++
			}
		case ReLUNormAffineGrad:
			count["mask read"]++
		case NormInputGrad:
			if len(i.Inputs) == 6 {
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
		p, err := NewProgram(g, *outputs)
		require.NoError(t, err)
		p.Fuse(Passing{})
		require.Len(t, p.Instructions, want)
	}
}

// TestFuseStatistics: each of a ResNet-18's 20 convolutions has a batch norm behind it, so no pass over memory for statistics is left.
func TestFuseStatistics(t *testing.T) {
	encoder := experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}
	n, err := model.NewClassifier(encoder, 10, model.Options{Batch: 2, Size: 8})
	require.NoError(t, err)
	outputs := gorgonia.Nodes{n.Loss}
	for _, norm := range n.Norms {
		outputs = append(outputs, norm.Node)
	}
	p, err := NewProgram(n.Graph, outputs)
	require.NoError(t, err)
	p.Fuse(Passing{Gathers: func(c Convolution) bool { return c.Shape.Kernel == 3 }})

	made := map[*Value]bool{}
	count := map[string]int{}
	for _, i := range p.Instructions {
		for _, input := range i.Inputs {
			require.True(t, made[input] || slices.Contains(slices.Collect(maps.Values(p.Leaves)), input), "%s comes too late", input.Name)
		}
		for _, v := range i.Outs {
			made[v] = true
		}
		switch op := i.Op.(type) {
		case Convolution:
			count[map[bool]string{true: "gathers", false: "alone"}[op.Statistics]]++
		case model.BatchStats:
			count["statistics"]++
		}
	}
	require.Equal(t, map[string]int{"gathers": 17, "alone": 3, "statistics": 3}, count)
	for _, v := range p.Outputs {
		require.True(t, made[v], "nothing makes the output %s", v.Name)
	}
}
