package enginetest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/engine"
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

// narrowTwins has fewer outputs than images of a batch.
var narrowTwins = experiment.Method{
	Name: experiment.BarlowTwins, Lambda: 0.5,
	Projector: experiment.Projector{Layers: 2, Hidden: 24, Output: 2},
}

// Networks builds each kind of network; odd sizes are those that vectors and tiles don't divide.
var Networks = map[string]func() (*model.Network, error){
	"SimCLR":       func() (*model.Network, error) { return model.NewPretraining(encoder, simclr, options(6, 8)) },
	"odd size":     func() (*model.Network, error) { return model.NewPretraining(encoder, simclr, options(4, 7)) },
	"Barlow Twins": func() (*model.Network, error) { return model.NewPretraining(encoder, barlowTwins, options(6, 8)) },
	"narrow twins": func() (*model.Network, error) { return model.NewPretraining(encoder, narrowTwins, options(10, 8)) },
	"classifier":   func() (*model.Network, error) { return model.NewClassifier(encoder, 10, options(3, 9)) },
	"encoder":      func() (*model.Network, error) { return model.NewEncoder(encoder, options(1, 8)) },
	"inference":    func() (*model.Network, error) { return model.NewInference(encoder, 10, options(3, 8)) },
	"linear":       func() (*model.Network, error) { return model.NewLinear(37, 10, options(5, 0)) },
}

func options(batch, size int) model.Options { return model.Options{Batch: batch, Size: size} }

// Run compiles a network with fixed weights and the seed's inputs and runs it once.
func Run(
	t *testing.T, build func() (*model.Network, error), compile engine.Compiler, seed uint64,
) (engine.Machine, gorgonia.Nodes) {
	t.Helper()
	return RunWith(t, build, compile, seed, func(*model.Network) gorgonia.Nodes { return nil })
}

// RunWith has more outputs than those that it returns.
func RunWith(
	t *testing.T, build func() (*model.Network, error), compile engine.Compiler, seed uint64,
	more func(*model.Network) gorgonia.Nodes,
) (engine.Machine, gorgonia.Nodes) {
	t.Helper()
	n, err := build()
	require.NoError(t, err)
	model.Initialise(n, 7)
	outputs := OutputsOf(n)
	m, err := compile(n.Graph, append(more(n), outputs...), nil)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	if n.Images != nil {
		Fill(m.Values(n.Images), seed, 1)
	} else {
		Fill(m.Values(n.Features), seed, 1)
	}
	if n.Labels != nil {
		for i, labels := 0, m.Values(n.Labels); i < len(labels); i++ {
			labels[i] = float32(i * 7 % 10)
		}
	}
	for _, p := range n.Parameters { // batch norm's parameters start at 0 and 1, which hides mistakes
		Fill(m.Values(p.Value), uint64(len(p.Name)), 0.05)
	}
	for _, s := range n.Norms {
		if s.Node.Op() == nil {
			stats := m.Values(s.Node)
			Fill(stats, uint64(len(s.Name)), 0.3)
			for c := len(stats) / 2; c < len(stats); c++ {
				stats[c] = 1 + stats[c]*stats[c]
			}
		}
	}
	require.NoError(t, m.RunAll())
	return m, outputs
}

// OutputsOf are all nodes of a network that a caller may want to read.
func OutputsOf(n *model.Network) gorgonia.Nodes {
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

// Fill adds normal noise to values.
func Fill(values []float32, seed uint64, scale float64) {
	r := rand.New(rand.NewPCG(seed, 99))
	for i := range values {
		values[i] += float32(scale * r.NormFloat64())
	}
}

// Distance is the norm of the difference relative to the norm of what is wanted.
func Distance(got, want []float32) float64 {
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
