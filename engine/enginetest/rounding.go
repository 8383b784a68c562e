package enginetest

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/model"
)

// TestRounding holds machines to those of l, value by value: they round at the same places and nowhere else.
//
// A sum in another order can make one of tens of thousands of activations round to the other side, and in networks this small that
// shows in all that comes behind it, by 1e-2 and more. It happens with some inputs and not with others. A mistake shows with every
// input, one rounding more or less somewhere by 1e-2 in a gradient: so it is the nearest of them that has to agree.
func TestRounding(t *testing.T, compile engine.Compiler, l Lowered) {
	for name, build := range map[string]func() (*model.Network, error){
		"SimCLR":       Networks["odd size"],
		"Barlow Twins": func() (*model.Network, error) { return model.NewPretraining(encoder, barlowTwins, options(4, 7)) },
		"classifier":   Networks["classifier"],
		"encoder":      Networks["encoder"],
		"inference":    Networks["inference"],
	} {
		t.Run(name, func(t *testing.T) {
			var distances []float64
			for seed := range uint64(6) {
				got, outputs := Run(t, build, compile, seed)
				require.Equal(t, l.Precision.String(), got.Kernels()["precision"])
				want, others := Run(t, build, func(g *gorgonia.ExprGraph, o gorgonia.Nodes, _ engine.Kernels) (engine.Machine, error) {
					return l.Compile(g, o, got.Kernels())
				}, seed)
				farthest := 0.
				for i, n := range outputs {
					d := Distance(got.Values(n), want.Values(others[i]))
					require.False(t, math.IsNaN(d), "input %d, %q of shape %v", seed, n.Name(), n.Shape())
					farthest = max(farthest, d)
				}
				distances = append(distances, farthest)
			}
			t.Logf("relative norms of the difference: %.1e", distances)
			require.Less(t, slices.Min(distances), 1e-4)
		})
	}
}

// BFloat16 rounds to the nearest number of 8 binary digits, ties to the even one. NaN stays NaN.
func BFloat16(v float32) float32 {
	bits := math.Float32bits(v)
	if v != v {
		return v
	}
	bits += 0x7fff + bits>>16&1
	return math.Float32frombits(bits &^ 0xffff)
}

// TF32 rounds to the nearest number of 11 binary digits, ties away from 0, as GPUs do. NaN stays NaN.
func TF32(v float32) float32 {
	if v != v {
		return v
	}
	return math.Float32frombits((math.Float32bits(v) + 0x1000) &^ 0x1fff)
}
