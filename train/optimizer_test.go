package train

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/experiment"
	"twinview/model"
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

var goldenSpecs = map[string]experiment.Optimizer{
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

// Both the plain loops and the CPU engine's do what PyTorch does.
func TestOptimizersMatchPyTorch(t *testing.T) {
	g := readGolden(t)
	require.Len(t, g.Optimizers, len(goldenSpecs))
	for name, spec := range goldenSpecs {
		for machine, compile := range map[string]engine.Compiler{"plain": engine.Reference, "CPU": cpu.Compiler(cpu.Options{Threads: 2})} {
			t.Run(name+" "+machine, func(t *testing.T) {
				m := newMoved(t, compile, spec, []int{len(g.Weight), len(g.Bias)})
				copy(m.values(0), g.Weight)
				copy(m.values(1), g.Bias)
				for i, want := range g.Optimizers[name] {
					finite := m.step(g.Rates[i], i+1, g.Grads[i].Weight, g.Grads[i].Bias)
					require.True(t, finite)
					require.InDeltaSlice(t, want.Weight, m.values(0), 2e-6, "weight after step %d", i+1)
					require.InDeltaSlice(t, want.Bias, m.values(1), 2e-6, "bias after step %d", i+1)
				}
			})
		}
	}
}

// moved are parameters on a machine whose graph makes their gradients: it copies a leaf. The last is excluded.
type moved struct {
	engine.Optimizer
	t          testing.TB
	machine    engine.Machine
	sources    gorgonia.Nodes
	parameters []engine.Parameter
}

func newMoved(t testing.TB, compile engine.Compiler, spec experiment.Optimizer, sizes []int) *moved {
	t.Helper()
	g := gorgonia.NewGraph()
	m := &moved{t: t}
	var outputs gorgonia.Nodes
	leaf := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	}
	for i, size := range sizes {
		source := leaf(fmt.Sprint("source", i), 1, size)
		grad, err := gorgonia.ApplyOp(model.Row{}, source)
		require.NoError(t, err)
		m.sources, outputs = append(m.sources, source), append(outputs, grad)
		value := leaf(fmt.Sprint("value", i), size)
		m.parameters = append(m.parameters, engine.Parameter{Value: value, Grad: grad, Excluded: i == len(sizes)-1})
	}
	machine, err := compile(g, outputs, nil)
	require.NoError(t, err)
	t.Cleanup(func() { machine.Close() })
	rule, err := newOptimizer(spec)
	require.NoError(t, err)
	m.machine = machine
	m.Optimizer, err = moverOf(machine, spec, rule, m.parameters)
	require.NoError(t, err)
	return m
}

func (m *moved) values(i int) []float32 { return m.machine.Values(m.parameters[i].Value) }

func (m *moved) step(rate float64, step int, grads ...[]float32) (finite bool) {
	m.t.Helper()
	for i, grad := range grads {
		copy(m.machine.Values(m.sources[i]), grad)
	}
	require.NoError(m.t, m.machine.RunAll())
	finite, err := m.Step(rate, step)
	require.NoError(m.t, err)
	return finite
}

// movedBy takes five steps from random values, in sizes that blocks and vectors don't divide.
func movedBy(t testing.TB, compile engine.Compiler, spec experiment.Optimizer) [][]float32 {
	t.Helper()
	sizes := []int{70_001, 1, 16_384, 33, 5_000, 17}
	m := newMoved(t, compile, spec, sizes)
	r := rand.New(rand.NewPCG(1, 2))
	normal := func(values []float32, scale float64) []float32 {
		for i := range values {
			values[i] = float32(scale * r.NormFloat64())
		}
		return values
	}
	var grads [][]float32
	for i, size := range sizes {
		normal(m.values(i), 1)
		grads = append(grads, make([]float32, size))
	}
	for step := range 5 {
		for _, grad := range grads {
			normal(grad, 0.1)
		}
		require.True(t, m.step(0.1, step+1, grads...))
	}
	var all [][]float32
	for i := range sizes {
		all = append(all, slices.Clone(m.values(i)))
		for _, buffer := range m.Buffers(i) {
			all = append(all, slices.Clone(buffer))
		}
	}
	return all
}

func TestFastOptimizersFollowThePlainOnes(t *testing.T) {
	for name, spec := range goldenSpecs {
		t.Run(name, func(t *testing.T) {
			want := movedBy(t, engine.Reference, spec)
			got := movedBy(t, cpu.Compiler(cpu.Options{Threads: 2}), spec)
			require.Equal(t, got, movedBy(t, cpu.Compiler(cpu.Options{Threads: 1}), spec), "the number of threads changes nothing")
			require.Len(t, got, len(want))
			for i := range want {
				require.InDeltaSlice(t, want[i], got[i], 2e-6)
			}
		})
	}
}

// An update can leave something infinite that the next loss doesn't show: AdamW divides by an infinite mean square.
func TestOptimizersNoticeInfinities(t *testing.T) {
	for name, spec := range goldenSpecs {
		for machine, compile := range map[string]engine.Compiler{"plain": engine.Reference, "CPU": cpu.Compiler(cpu.Options{Threads: 2})} {
			t.Run(name+" "+machine, func(t *testing.T) {
				m := newMoved(t, compile, spec, []int{1500, 3})
				grad := make([]float32, 1500)
				grad[1499] = 1e30
				require.Equal(t, spec.Name != experiment.AdamW, m.step(1e-3, 1, grad, []float32{1, 2, 3}))
				m.values(1)[2] = float32(math.Inf(1))
				require.False(t, m.step(1e-3, 2, grad, []float32{1, 2, 3}))
			})
		}
	}
}

func TestFastOptimizerAllocatesNothing(t *testing.T) {
	for name, spec := range goldenSpecs {
		t.Run(name, func(t *testing.T) {
			m := newMoved(t, cpu.Compiler(cpu.Options{Threads: 2}), spec, []int{100, 20})
			step := 0
			require.Zero(t, testing.AllocsPerRun(5, func() {
				step++
				if _, err := m.Step(0.1, step); err != nil {
					t.Error(err)
				}
			}))
		})
	}
}

// BenchmarkOptimizer moves as many values as ResNet-18 with a projection head has. GB/s count each array once for each
// time that a rule reads or writes it.
func BenchmarkOptimizer(b *testing.B) {
	sizes := []int{11_000_000 % 2_359_296, 2_359_296, 2_359_296, 2_359_296, 2_359_296, 500_000, 512}
	passes := map[string]int{"sgd nesterov": 5, "lars": 7, "adamw": 7}
	for name, arrays := range passes {
		for machine, compile := range map[string]engine.Compiler{"plain": engine.Reference, "CPU": cpu.Compile} {
			b.Run(name+"/"+machine, func(b *testing.B) {
				m := newMoved(b, compile, goldenSpecs[name], sizes)
				require.NoError(b, m.machine.RunAll())
				values := 0
				for i, size := range sizes {
					values += size
					for k := range m.values(i) {
						m.values(i)[k] = 1
					}
				}
				step := 0
				for b.Loop() {
					step++
					_, err := m.Step(1e-3, step)
					require.NoError(b, err)
				}
				b.ReportMetric(float64(b.N)*float64(4*arrays*values)/b.Elapsed().Seconds()/1e9, "GB/s")
			})
		}
	}
}

// TestBiasLearningRate: weights move as without it, biases as if it were everybody's learning rate.
func TestBiasLearningRate(t *testing.T) {
	g := readGolden(t)
	own := experiment.Optimizer{
		Name: experiment.LARS, LearningRate: 0.5, BiasLearningRate: 0.125, Momentum: 0.9, TrustCoefficient: 0.02,
	}
	shared := own
	shared.BiasLearningRate = 0
	for machine, compile := range map[string]engine.Compiler{"plain": engine.Reference, "CPU": cpu.Compiler(cpu.Options{Threads: 2})} {
		t.Run(machine, func(t *testing.T) {
			after := func(o experiment.Optimizer, rate float64) (weight, bias []float32) {
				m := newMoved(t, compile, o, []int{len(g.Weight), len(g.Bias)})
				copy(m.values(0), g.Weight)
				copy(m.values(1), g.Bias)
				for i, grads := range g.Grads {
					require.True(t, m.step(rate, i+1, grads.Weight, grads.Bias))
				}
				return m.values(0), m.values(1)
			}
			weight, bias := after(own, own.LearningRate)
			wantWeight, fastBias := after(shared, own.LearningRate)
			_, wantBias := after(shared, own.BiasLearningRate)
			require.Equal(t, wantWeight, weight)
			require.InDeltaSlice(t, wantBias, bias, 1e-6)
			require.Greater(t, math.Abs(float64(fastBias[0]-bias[0])), 1e-2, "the bias moved as fast as the weights")
		})
	}
}

func TestTrustRatioOfZeroWeightsIsOne(t *testing.T) {
	o := newLARS(experiment.Optimizer{TrustCoefficient: 0.001})
	require.Equal(t, float32(1), o.trustRatio(parameter{value: []float32{0, 0}, grad: []float32{1, 2}}))
	require.Equal(t, float32(1), o.trustRatio(parameter{value: []float32{1, 0}, grad: []float32{0, 0}}))
}

func TestUnknownOptimizer(t *testing.T) {
	_, err := newOptimizer(experiment.Optimizer{Name: "adagrad"})
	require.ErrorContains(t, err, `"adagrad"`)
}
