package train

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// golden is testdata/golden.json, made by testdata/golden.py.
type golden struct {
	Weight     []float32
	Bias       []float32
	Rates      []float64
	Grads      []goldenPair
	Optimizers map[string][]goldenPair
	BatchNorm  struct {
		Count int
		Steps []struct {
			Mean           []float32
			BiasedVariance []float32 `json:"biased_variance"`
			RunningMean    []float32 `json:"running_mean"`
			RunningVar     []float32 `json:"running_var"`
		}
	} `json:"batch_norm"`
}

type goldenPair struct{ Weight, Bias []float32 }

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	return g
}

func TestOptimizersMatchPyTorch(t *testing.T) {
	specs := map[string]experiment.Optimizer{
		"sgd":          {Name: experiment.SGD},
		"sgd decay":    {Name: experiment.SGD, WeightDecay: 0.01},
		"sgd momentum": {Name: experiment.SGD, WeightDecay: 0.01, Momentum: 0.9},
		"sgd nesterov": {Name: experiment.SGD, WeightDecay: 0.01, Momentum: 0.9, Nesterov: true},
		"lars":         {Name: experiment.LARS, WeightDecay: 0.01, Momentum: 0.9, TrustCoefficient: 0.02},
		"lars nesterov": {
			Name: experiment.LARS, WeightDecay: 0.01, Momentum: 0.9, TrustCoefficient: 0.02, Nesterov: true,
		},
		"adamw": {Name: experiment.AdamW, WeightDecay: 0.01, Betas: [2]float64{0.9, 0.95}, Epsilon: 1e-6},
	}
	g := readGolden(t)
	require.Len(t, g.Optimizers, len(specs))
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			o, err := newOptimizer(spec)
			require.NoError(t, err)
			weight := newTestParameter(o, g.Weight, false)
			bias := newTestParameter(o, g.Bias, true)
			for i, want := range g.Optimizers[name] {
				weight.grad, bias.grad = g.Grads[i].Weight, g.Grads[i].Bias
				o.update(weight, g.Rates[i], i+1)
				o.update(bias, g.Rates[i], i+1)
				require.InDeltaSlice(t, want.Weight, weight.value, 2e-6, "weight after step %d", i+1)
				require.InDeltaSlice(t, want.Bias, bias.value, 2e-6, "bias after step %d", i+1)
			}
		})
	}
}

func newTestParameter(o optimizer, value []float32, excluded bool) parameter {
	p := parameter{value: append([]float32(nil), value...), excluded: excluded}
	for range o.buffers() {
		p.buffers = append(p.buffers, make([]float32, len(value)))
	}
	return p
}

func TestTrustRatioOfZeroWeightsIsOne(t *testing.T) {
	o := lars{trust: 0.001}
	require.Equal(t, float32(1), o.trustRatio(parameter{value: []float32{0, 0}, grad: []float32{1, 2}}))
	require.Equal(t, float32(1), o.trustRatio(parameter{value: []float32{1, 0}, grad: []float32{0, 0}}))
}

func TestUnknownOptimizer(t *testing.T) {
	_, err := newOptimizer(experiment.Optimizer{Name: "adagrad"})
	require.ErrorContains(t, err, `"adagrad"`)
}
