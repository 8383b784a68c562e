// Package enginetest has the tests that every machine must pass, and networks to try them on.
package enginetest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/model"
)

// Test tries the machines that compile makes, which must compute in float32: the interface as package engine documents it, and
// every kind of network against the reference machine.
func Test(t *testing.T, compile engine.Compiler) {
	for name, test := range map[string]func(*testing.T, engine.Compiler){
		"WholeNetwork":               testWholeNetwork,
		"RunsAreIdentical":           testRunsAreIdentical,
		"ValuesOfInnerNodePanics":    testValuesOfInnerNodePanics,
		"CompileRejects":             testCompileRejects,
		"LeavesStartWithTheirValues": testLeavesStartWithTheirValues,
		"NaNSurvives":                testNaNSurvives,
	} {
		t.Run(name, func(t *testing.T) { test(t, compile) })
	}
}

// testWholeNetwork runs every network on this machine and on the reference machine: same loss, same features, same
// statistics, same gradient of every parameter. A ReLU whose input is within rounding of 0 can be open on one machine and
// shut on the other, and in networks this small that shows in every gradient behind it. It is a matter of luck, which a
// mistake is not: three of five inputs must agree closely.
func testWholeNetwork(t *testing.T, compile engine.Compiler) {
	for name, build := range Networks {
		t.Run(name, func(t *testing.T) {
			var differences []string
			for seed := range uint64(5) {
				fast, fastOutputs := Run(t, build, compile, seed)
				slow, slowOutputs := Run(t, build, engine.Reference, seed)
				for i, n := range fastOutputs {
					d := Distance(fast.Values(n), slow.Values(slowOutputs[i]))
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

// testRunsAreIdentical compares bits: of two runs of one machine, and of two machines.
func testRunsAreIdentical(t *testing.T, compile engine.Compiler) {
	for name, build := range Networks {
		t.Run(name, func(t *testing.T) {
			a, outputs := Run(t, build, compile, 3)
			var first [][]float32
			for _, n := range outputs {
				first = append(first, append([]float32(nil), a.Values(n)...))
			}
			require.NoError(t, a.RunAll())
			b, others := Run(t, build, compile, 3)
			for i, n := range outputs {
				require.Equal(t, first[i], a.Values(n), "second run, node %q", n.Name())
				require.Equal(t, first[i], b.Values(others[i]), "second machine, node %q", n.Name())
			}
		})
	}
}

func testValuesOfInnerNodePanics(t *testing.T, compile engine.Compiler) {
	n, err := Networks["encoder"]()
	require.NoError(t, err)
	m, err := compile(n.Graph, nil, nil)
	require.NoError(t, err)
	defer m.Close()
	require.Panics(t, func() { m.Values(n.Features) })
}

func testCompileRejects(t *testing.T, compile engine.Compiler) {
	double, err := model.NewEncoder(encoder, model.Options{Batch: 1, Size: 8, DType: tensor.Float64})
	require.NoError(t, err)
	_, err = compile(double.Graph, gorgonia.Nodes{double.Features}, nil)
	require.ErrorContains(t, err, "want float32")

	other, err := Networks["SimCLR"]()
	require.NoError(t, err)
	linear, err := Networks["linear"]()
	require.NoError(t, err)
	_, err = compile(linear.Graph, gorgonia.Nodes{other.Parameters[0].Grad}, nil)
	require.ErrorContains(t, err, "not a node of the graph")
}

func testLeavesStartWithTheirValues(t *testing.T, compile engine.Compiler) {
	g := gorgonia.NewGraph()
	bound := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("bound"))
	free := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("free"))
	sum, err := gorgonia.Add(bound, free)
	require.NoError(t, err)
	require.NoError(t, gorgonia.Let(bound, tensor.New(tensor.WithBacking([]float32{1, 2, 3}))))
	m, err := compile(g, gorgonia.Nodes{sum}, nil)
	require.NoError(t, err)
	defer m.Close()

	require.Equal(t, []float32{0, 0, 0}, m.Values(free))
	copy(m.Values(free), []float32{10, 20, 30})
	require.NoError(t, m.RunAll())
	require.Equal(t, []float32{11, 22, 33}, m.Values(sum))
	require.Equal(t, []float32{1, 2, 3}, m.Values(bound), "no run changes a leaf")
}

// testNaNSurvives: a diverged run must be seen in its loss, so no kernel may turn NaN into a number.
func testNaNSurvives(t *testing.T, compile engine.Compiler) {
	n, err := Networks["SimCLR"]()
	require.NoError(t, err)
	model.Initialise(n, 1)
	m, err := compile(n.Graph, gorgonia.Nodes{n.Loss}, nil)
	require.NoError(t, err)
	defer m.Close()
	Fill(m.Values(n.Images), 1, 1)
	m.Values(n.Images)[0] = float32(math.NaN())
	require.NoError(t, m.RunAll())
	require.True(t, math.IsNaN(float64(m.Values(n.Loss)[0])))
}
