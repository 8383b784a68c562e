package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/engine/lowering"
	"twinview/experiment"
	"twinview/model"
)

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
		p, err := lowering.NewProgram(n.Graph, outputs)
		require.NoError(t, err)
		o := Options{Threads: 1, Winograd: Winograd{Forward: tile, InputGrad: tile, WeightGrad: tile}}
		require.NoError(t, newChooser(o, nil).algorithms(p))
		p.Fuse(lowering.Passing{Accumulates: addsInPassing, Normalises: normalisesInPassing})
		count := map[string]int{}
		for _, i := range p.Instructions {
			switch op := i.Op.(type) {
			case lowering.NormAddReLU:
				if op.ReLU && len(i.Inputs) == 4 {
					count["norm, ReLU"]++
				}
			case lowering.Convolution:
				if op.Norm {
					count[op.Direction.String()]++
				}
			}
		}
		return count
	}
	require.Equal(t, map[string]int{"norm, ReLU": 1, "forward": 8, "weight gradient": 8}, count(4, false))
	require.Equal(t, map[string]int{"norm, ReLU": 9}, count(4, true))
	require.Equal(t, map[string]int{"norm, ReLU": 9}, count(0, false))
}
