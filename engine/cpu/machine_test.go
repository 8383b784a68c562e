package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/experiment"
	"twinview/model"
)

var encoder = experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}

var simclr = experiment.Method{
	Name: experiment.SimCLR, Temperature: 0.5,
	Projector: experiment.Projector{Layers: 2, Hidden: 24, Output: 10},
}

var barlowTwins = experiment.Method{
	Name: experiment.BarlowTwins, Lambda: 0.0051,
	Projector: experiment.Projector{Layers: 3, Hidden: 24, Output: 10},
}

// networks builds each kind of network; odd sizes are those that vectors and tiles don't divide.
var networks = map[string]func() (*model.Network, error){
	"SimCLR":       func() (*model.Network, error) { return model.NewPretraining(encoder, simclr, options(6, 8)) },
	"odd size":     func() (*model.Network, error) { return model.NewPretraining(encoder, simclr, options(4, 7)) },
	"Barlow Twins": func() (*model.Network, error) { return model.NewPretraining(encoder, barlowTwins, options(6, 8)) },
	"classifier":   func() (*model.Network, error) { return model.NewClassifier(encoder, 10, options(3, 9)) },
	"encoder":      func() (*model.Network, error) { return model.NewEncoder(encoder, options(1, 8)) },
	"inference":    func() (*model.Network, error) { return model.NewInference(encoder, 10, options(3, 8)) },
	"linear":       func() (*model.Network, error) { return model.NewLinear(37, 10, options(5, 0)) },
}

func options(batch, size int) model.Options { return model.Options{Batch: batch, Size: size} }

// TestWholeNetwork runs every network on this machine and on the reference machine: same loss, same features, same
// statistics, same gradient of every parameter. A ReLU whose input is within rounding of 0 can be open on one machine and
// shut on the other, and in networks this small that shows in every gradient behind it. It is a matter of luck, which a
// mistake is not: three of five inputs must agree closely.
func TestWholeNetwork(t *testing.T) {
	for name, build := range networks {
		t.Run(name, func(t *testing.T) {
			var differences []string
			for seed := range uint64(5) {
				fast, fastOutputs := run(t, build, cpu.Compile, seed)
				slow, slowOutputs := run(t, build, engine.Reference, seed)
				for i, n := range fastOutputs {
					d := distance(fast.Values(n), slow.Values(slowOutputs[i]))
					if math.IsNaN(d) || d > 1e-3 {
						differences = append(differences, fmt.Sprintf("input %d, %q of shape %v: %.1e", seed, n.Name(), n.Shape(), d))
						break
					}
				}
			}
			require.LessOrEqual(t, len(differences), 2, "%v", differences)
		})
	}
}

// TestRunsAreIdentical compares bits: of two runs of one machine, and of two machines.
func TestRunsAreIdentical(t *testing.T) {
	for name, build := range networks {
		t.Run(name, func(t *testing.T) {
			a, outputs := run(t, build, cpu.Compiler(cpu.Options{Threads: 2}), 3)
			var first [][]float32
			for _, n := range outputs {
				first = append(first, append([]float32(nil), a.Values(n)...))
			}
			require.NoError(t, a.RunAll())
			b, others := run(t, build, cpu.Compiler(cpu.Options{Threads: 2}), 3)
			for i, n := range outputs {
				require.Equal(t, first[i], a.Values(n), "second run, node %q", n.Name())
				require.Equal(t, first[i], b.Values(others[i]), "second machine, node %q", n.Name())
			}
		})
	}
}

func TestValuesOfInnerNodePanics(t *testing.T) {
	n, err := networks["encoder"]()
	require.NoError(t, err)
	m, err := cpu.Compile(n.Graph, nil, nil)
	require.NoError(t, err)
	defer m.Close()
	require.Panics(t, func() { m.Values(n.Features) })
}

func TestCompileRejects(t *testing.T) {
	double, err := model.NewEncoder(encoder, model.Options{Batch: 1, Size: 8, DType: tensor.Float64})
	require.NoError(t, err)
	_, err = cpu.Compile(double.Graph, gorgonia.Nodes{double.Features}, nil)
	require.ErrorContains(t, err, "want float32")

	other, err := networks["SimCLR"]()
	require.NoError(t, err)
	linear, err := networks["linear"]()
	require.NoError(t, err)
	_, err = cpu.Compile(linear.Graph, gorgonia.Nodes{other.Parameters[0].Grad}, nil)
	require.ErrorContains(t, err, "not a node of the graph")
}

func TestLeavesStartWithTheirValues(t *testing.T) {
	g := gorgonia.NewGraph()
	bound := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("bound"))
	free := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("free"))
	sum, err := gorgonia.Add(bound, free)
	require.NoError(t, err)
	require.NoError(t, gorgonia.Let(bound, tensor.New(tensor.WithBacking([]float32{1, 2, 3}))))
	m, err := cpu.Compile(g, gorgonia.Nodes{sum}, nil)
	require.NoError(t, err)
	defer m.Close()

	require.Equal(t, []float32{0, 0, 0}, m.Values(free))
	copy(m.Values(free), []float32{10, 20, 30})
	require.NoError(t, m.RunAll())
	require.Equal(t, []float32{11, 22, 33}, m.Values(sum))
	require.Equal(t, []float32{1, 2, 3}, m.Values(bound), "no run changes a leaf")
}

// TestNaNSurvives: a diverged run must be seen in its loss, so no kernel may turn NaN into a number.
func TestNaNSurvives(t *testing.T) {
	n, err := networks["SimCLR"]()
	require.NoError(t, err)
	model.Initialise(n, 1)
	m, err := cpu.Compile(n.Graph, gorgonia.Nodes{n.Loss}, nil)
	require.NoError(t, err)
	defer m.Close()
	fill(m.Values(n.Images), 1, 1)
	m.Values(n.Images)[0] = float32(math.NaN())
	require.NoError(t, m.RunAll())
	require.True(t, math.IsNaN(float64(m.Values(n.Loss)[0])))
}

// run compiles a network with fixed weights and the seed's inputs and runs it once.
func run(
	t *testing.T, build func() (*model.Network, error), compile engine.Compiler, seed uint64,
) (engine.Machine, gorgonia.Nodes) {
	t.Helper()
	return runWith(t, build, compile, seed, func(*model.Network) gorgonia.Nodes { return nil })
}

// runWith has more outputs than those that it returns.
func runWith(
	t *testing.T, build func() (*model.Network, error), compile engine.Compiler, seed uint64,
	more func(*model.Network) gorgonia.Nodes,
) (engine.Machine, gorgonia.Nodes) {
	t.Helper()
	n, err := build()
	require.NoError(t, err)
	model.Initialise(n, 7)
	outputs := outputsOf(n)
	m, err := compile(n.Graph, append(more(n), outputs...), nil)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	if n.Images != nil {
		fill(m.Values(n.Images), seed, 1)
	} else {
		fill(m.Values(n.Features), seed, 1)
	}
	if n.Labels != nil {
		for i, labels := 0, m.Values(n.Labels); i < len(labels); i++ {
			labels[i] = float32(i * 7 % 10)
		}
	}
	for _, p := range n.Parameters { // batch norm's parameters start at 0 and 1, which hides mistakes
		fill(m.Values(p.Value), uint64(len(p.Name)), 0.05)
	}
	for _, s := range n.Norms {
		if s.Node.Op() == nil {
			stats := m.Values(s.Node)
			fill(stats, uint64(len(s.Name)), 0.3)
			for c := len(stats) / 2; c < len(stats); c++ {
				stats[c] = 1 + stats[c]*stats[c]
			}
		}
	}
	require.NoError(t, m.RunAll())
	return m, outputs
}

func outputsOf(n *model.Network) gorgonia.Nodes {
	var outputs gorgonia.Nodes
	for _, node := range []*gorgonia.Node{n.Projection, n.Logits, n.Loss} {
		if node != nil {
			outputs = append(outputs, node)
		}
	}
	if n.Images != nil {
		outputs = append(outputs, n.Features)
	}
	for _, p := range n.Parameters {
		if p.Grad != nil {
			outputs = append(outputs, p.Grad)
		}
	}
	for _, s := range n.Norms {
		if s.Node.Op() != nil {
			outputs = append(outputs, s.Node)
		}
	}
	return outputs
}

// fill adds normal noise to values.
func fill(values []float32, seed uint64, scale float64) {
	r := rand.New(rand.NewPCG(seed, 99))
	for i := range values {
		values[i] += float32(scale * r.NormFloat64())
	}
}

// distance is the norm of the difference relative to the norm of what is wanted.
func distance(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var difference, norm float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		difference += d * d
		norm += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(difference) / (math.Sqrt(norm) + 1e-6)
}

// BenchmarkTrain is a step of SimCLR, forward and backward, without the optimiser.
func BenchmarkTrain(b *testing.B) {
	for _, c := range []struct {
		width, views, size int
		precision          cpu.Precision
	}{
		{64, 256, 32, cpu.Float32}, {64, 256, 32, cpu.BFloat16}, {32, 256, 32, cpu.Float32}, {32, 256, 32, cpu.BFloat16},
	} {
		b.Run(fmt.Sprintf("%v/width=%d/views=%d/size=%d", c.precision, c.width, c.views, c.size), func(b *testing.B) {
			if !cpu.Supports(c.precision) {
				b.Skipf("no instructions for %v", c.precision)
			}
			method := simclr
			method.Projector = experiment.Projector{Layers: 2, Hidden: 512, Output: 128}
			wide := experiment.Encoder{Architecture: experiment.ResNet18, Width: c.width}
			n, err := model.NewPretraining(wide, method, options(c.views, c.size))
			require.NoError(b, err)
			model.Initialise(n, 1)
			m, err := cpu.Compiler(cpu.Options{Precision: c.precision})(n.Graph, outputsOf(n), nil)
			require.NoError(b, err)
			defer m.Close()
			fill(m.Values(n.Images), 1, 1)
			require.NoError(b, m.RunAll())
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, m.RunAll())
			}
			b.ReportMetric(float64(c.views*b.N)/b.Elapsed().Seconds(), "views/s")
		})
	}
}
