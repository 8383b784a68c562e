package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// everyNetwork builds all that package model can, small.
func everyNetwork(t *testing.T) map[string]*model.Network {
	t.Helper()
	encoder := experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}
	projector := experiment.Projector{Layers: 3, Hidden: 24, Output: 10}
	networks := map[string]*model.Network{}
	add := func(name string, n *model.Network, err error) {
		require.NoError(t, err)
		model.Initialise(n, 1)
		networks[name] = n
	}
	options := model.Options{Batch: 6, Size: 8}
	for _, name := range []string{experiment.SimCLR, experiment.BarlowTwins} {
		method := experiment.Method{Name: name, Temperature: 0.5, Lambda: 0.01, Projector: projector}
		n, err := model.NewPretraining(encoder, method, options)
		add(name, n, err)
	}
	method := experiment.Method{Name: experiment.SimCLR, Temperature: 0.5, Projector: projector}
	n, err := model.NewPretraining(encoder, method, model.Options{Batch: 6, Views: 3, Size: 8})
	add("simclr, 3 views", n, err)
	n, err = model.NewClassifier(encoder, 10, options)
	add("classifier", n, err)
	n, err = model.NewEncoder(encoder, options)
	add("encoder", n, err)
	n, err = model.NewInference(encoder, 10, options)
	add("inference", n, err)
	n, err = model.NewLinear(37, 10, options)
	add("linear", n, err)
	return networks
}

func everyOutput(n *model.Network) gorgonia.Nodes {
	var outputs gorgonia.Nodes
	for _, node := range []*gorgonia.Node{n.Logits, n.Loss, n.Projection} {
		if node != nil {
			outputs = append(outputs, node)
		}
	}
	if n.Features.Op() != nil {
		outputs = append(outputs, n.Features)
	}
	for _, p := range n.Parameters {
		if p.Grad != nil {
			outputs = append(outputs, p.Grad)
		}
	}
	return outputs
}

func compiled(t testing.TB, n *model.Network, outputs gorgonia.Nodes) *machine {
	t.Helper()
	made, err := Compiler(Options{Threads: 2})(n.Graph, outputs, nil)
	require.NoError(t, err)
	t.Cleanup(func() { made.Close() })
	return made.(*machine)
}

// TestEveryOpHasAKernel: no network of package model runs a reference implementation, which is scalar Go.
func TestEveryOpHasAKernel(t *testing.T) {
	for name, n := range everyNetwork(t) {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, compiled(t, n, everyOutput(n)).plan.kernels.references)
		})
	}
}

// TestRunAllocatesNothing: a step leaves no garbage, whatever the network.
func TestRunAllocatesNothing(t *testing.T) {
	for name, n := range everyNetwork(t) {
		t.Run(name, func(t *testing.T) {
			m := compiled(t, n, everyOutput(n))
			require.NoError(t, m.RunAll())
			require.Zero(t, testing.AllocsPerRun(5, func() {
				if err := m.RunAll(); err != nil {
					t.Error(err)
				}
			}))
		})
	}
}

// lossHead makes a loss of a leaf x, and labels where it has them.
type lossHead struct {
	rows, columns int
	loss          func(x, labels *gorgonia.Node) *gorgonia.Node
}

func lossHeads() map[string]lossHead {
	apply := func(op gorgonia.Op, inputs ...*gorgonia.Node) *gorgonia.Node {
		return gorgonia.Must(gorgonia.ApplyOp(op, inputs...))
	}
	multiview := func(temperature float64, views int) func(x, _ *gorgonia.Node) *gorgonia.Node {
		return func(x, _ *gorgonia.Node) *gorgonia.Node {
			return apply(model.NTXent{Temperature: temperature, Views: views}, apply(model.L2Normalize{}, x))
		}
	}
	simclr := func(temperature float64) func(x, _ *gorgonia.Node) *gorgonia.Node { return multiview(temperature, 2) }
	weighted := func(lambda float64) func(x, _ *gorgonia.Node) *gorgonia.Node {
		return func(x, _ *gorgonia.Node) *gorgonia.Node {
			rows := x.Shape()[0]
			first := apply(model.Standardize{}, apply(model.Rows{To: rows / 2}, x))
			second := apply(model.Standardize{}, apply(model.Rows{From: rows / 2, To: rows}, x))
			return apply(model.RedundancyReduction{Lambda: lambda}, first, second)
		}
	}
	barlowTwins := weighted(0.0051)
	identicalTwins := func(x, _ *gorgonia.Node) *gorgonia.Node {
		z := apply(model.Standardize{}, x)
		return apply(model.RedundancyReduction{Lambda: 0.0051}, z, z)
	}
	crossEntropy := func(x, labels *gorgonia.Node) *gorgonia.Node {
		return apply(model.SoftmaxCrossEntropy{}, x, labels)
	}
	return map[string]lossHead{
		"SimCLR, 4 views":              {4, 3, simclr(0.5)},
		"SimCLR, odd":                  {202, 37, simclr(0.5)},
		"SimCLR, cold":                 {130, 128, simclr(0.05)},
		"SimCLR, freezing":             {66, 16, simclr(0.004)},
		"SimCLR, 512 views":            {512, 128, simclr(0.2)},
		"SimCLR, 3 an image":           {201, 37, multiview(0.5, 3)},
		"SimCLR, 4 an image":           {260, 128, multiview(0.1, 4)},
		"SimCLR, 8 an image":           {16, 5, multiview(0.05, 8)},
		"Barlow Twins, 2 images":       {4, 3, barlowTwins},
		"Barlow Twins, odd":            {54, 131, barlowTwins},
		"Barlow Twins, wide":           {64, 300, barlowTwins},
		"Barlow Twins, square":         {260, 130, barlowTwins},
		"Barlow Twins, tall a bit":     {262, 131, barlowTwins},
		"Barlow Twins, tall":           {540, 37, barlowTwins},
		"Barlow Twins, one output":     {10, 1, barlowTwins},
		"Barlow Twins, light":          {140, 200, weighted(1e-9)},
		"Barlow Twins, heavy":          {140, 200, weighted(1e6)},
		"Barlow Twins, heavy tall":     {540, 70, weighted(1e6)},
		"Barlow Twins, unweighted":     {140, 200, weighted(0)},
		"Barlow Twins, identical":      {70, 200, identicalTwins},
		"Barlow Twins, identical tall": {270, 70, identicalTwins},
		"cross entropy":                {5, 10, crossEntropy},
		"cross entropy, 2":             {33, 2, crossEntropy},
		"cross entropy, many":          {259, 101, crossEntropy},
		"cross entropy, 1 sample":      {1, 7, crossEntropy},
	}
}

// build returns the leaf and, as outputs, the loss and its gradient.
func (h lossHead) build(t testing.TB) (g *gorgonia.ExprGraph, x, labels *gorgonia.Node, outputs gorgonia.Nodes) {
	t.Helper()
	g = gorgonia.NewGraph()
	x = gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(h.rows, h.columns), gorgonia.WithName("x"))
	labels = gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(h.rows), gorgonia.WithName("labels"))
	loss := h.loss(x, labels)
	grads, err := gorgonia.Grad(loss, x)
	require.NoError(t, err)
	return g, x, labels, gorgonia.Nodes{loss, grads[0]}
}

// run returns the loss and the gradient of values that the seed decides.
func (h lossHead) run(t testing.TB, compile engine.Compiler) (loss float64, grad []float32) {
	t.Helper()
	g, x, labels, outputs := h.build(t)
	m, err := compile(g, outputs, nil)
	require.NoError(t, err)
	defer m.Close()
	r := rand.New(rand.NewPCG(4, 5))
	for i, values := 0, m.Values(x); i < len(values); i++ {
		values[i] = float32(0.3 + r.NormFloat64())
	}
	if g.Has(labels.ID()) {
		for i, values := 0, m.Values(labels); i < len(values); i++ {
			values[i] = float32(i * 7 % h.columns)
		}
	}
	require.NoError(t, m.RunAll())
	return float64(m.Values(outputs[0])[0]), slices.Clone(m.Values(outputs[1]))
}

// TestLossHeads compares with the reference, which works in float64 between one op and the next.
func TestLossHeads(t *testing.T) {
	for name, h := range lossHeads() {
		t.Run(name, func(t *testing.T) {
			wantLoss, wantGrad := h.run(t, engine.Reference)
			loss, grad := h.run(t, Compiler(Options{Threads: 2}))
			require.InEpsilon(t, wantLoss, loss, 1e-6)
			t.Logf("%s: loss %.1e, gradient %.1e", name, math.Abs(loss/wantLoss-1), distance(grad, wantGrad))
			require.Less(t, distance(grad, wantGrad), 2e-6)
			for _, threads := range []int{1, 3} {
				again, same := h.run(t, Compiler(Options{Threads: threads}))
				require.Equal(t, loss, again, "the number of threads changes nothing")
				require.Equal(t, grad, same)
			}
		})
	}
}

// distance is the norm of the difference relative to the norm of what is wanted.
func distance(got, want []float32) float64 {
	var difference, norm float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		difference += d * d
		norm += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(difference / norm)
}

func TestLabelThatIsNoClassFails(t *testing.T) {
	for _, label := range []float32{-1, 10, 0.5, float32(math.NaN())} {
		h := lossHead{3, 10, lossHeads()["cross entropy"].loss}
		g, _, labels, outputs := h.build(t)
		m, err := Compiler(Options{Threads: 1})(g, outputs, nil)
		require.NoError(t, err)
		defer m.Close()
		m.Values(labels)[1] = label
		require.ErrorContains(t, m.RunAll(), "label of row 1")
	}
}

// TestNaNReachesLossAndGradient: a diverged run must be seen in its loss.
func TestNaNReachesLossAndGradient(t *testing.T) {
	for name, h := range lossHeads() {
		t.Run(name, func(t *testing.T) {
			g, x, _, outputs := h.build(t)
			m, err := Compiler(Options{Threads: 2})(g, outputs, nil)
			require.NoError(t, err)
			defer m.Close()
			for i, values := 0, m.Values(x); i < len(values); i++ {
				values[i] = float32(i%7) - 3
			}
			m.Values(x)[len(m.Values(x))-1] = float32(math.NaN())
			require.NoError(t, m.RunAll())
			require.True(t, math.IsNaN(float64(m.Values(outputs[0])[0])))
			grad := m.Values(outputs[1])
			require.True(t, math.IsNaN(float64(grad[len(grad)-1])))
		})
	}
}

// BenchmarkLossHead is a loss and its gradient, forward and backward, as a step of training has them after the network.
func BenchmarkLossHead(b *testing.B) {
	for _, c := range []struct {
		name          string
		rows, columns int
		like          string
	}{
		{"SimCLR/views=512", 512, 128, "SimCLR, odd"},
		{"SimCLR/views=1024", 1024, 128, "SimCLR, odd"},
		{"BarlowTwins/views=512,width=2048", 512, 2048, "Barlow Twins, odd"},
		{"BarlowTwins/views=512,width=8192", 512, 8192, "Barlow Twins, odd"},
		{"BarlowTwins/views=2048,width=128", 2048, 128, "Barlow Twins, odd"},
		{"BarlowTwins/views=2048,width=1024", 2048, 1024, "Barlow Twins, odd"},
		{"CrossEntropy/images=512", 512, 10, "cross entropy"},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := lossHead{c.rows, c.columns, lossHeads()[c.like].loss}
			g, x, _, outputs := h.build(b)
			m, err := Compile(g, outputs, nil)
			require.NoError(b, err)
			defer m.Close()
			r := rand.New(rand.NewPCG(4, 5))
			for i, values := 0, m.Values(x); i < len(values); i++ {
				values[i] = float32(r.NormFloat64())
			}
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, m.RunAll())
			}
		})
	}
}
