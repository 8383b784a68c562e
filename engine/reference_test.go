package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
)

func vector(g *gorgonia.ExprGraph, name string, n int) *gorgonia.Node {
	return gorgonia.NewVector(g, tensor.Float32, gorgonia.WithName(name), gorgonia.WithShape(n))
}

func TestReferenceRunsAgainFromNewLeafValues(t *testing.T) {
	g := gorgonia.NewGraph()
	x, y := vector(g, "x", 3), vector(g, "y", 3)
	require.NoError(t, gorgonia.Let(y, tensor.New(tensor.WithBacking([]float32{1, 2, 3}))))
	product := gorgonia.Must(gorgonia.HadamardProd(x, y))
	sum := gorgonia.Must(gorgonia.Sum(product))
	m, err := engine.Reference(g, gorgonia.Nodes{product, sum}, nil)
	require.NoError(t, err)
	defer m.Close()

	require.Equal(t, []float32{0, 0, 0}, m.Values(x), "a leaf without a value starts at zero")
	require.Equal(t, []float32{1, 2, 3}, m.Values(y), "a leaf with a value starts with it")

	copy(m.Values(x), []float32{1, 1, 2})
	require.NoError(t, m.RunAll())
	require.Equal(t, []float32{1, 2, 6}, m.Values(product))
	require.Equal(t, []float32{9}, m.Values(sum))

	copy(m.Values(x), []float32{0, 0, 1})
	require.NoError(t, m.RunAll())
	require.Equal(t, []float32{0, 0, 3}, m.Values(product))
	require.Equal(t, []float32{3}, m.Values(sum))
}

// Gorgonia's Add overwrites an operand whose last use it is, unless that is a leaf.
func TestReferenceLeavesKeepTheirValues(t *testing.T) {
	g := gorgonia.NewGraph()
	x, y := vector(g, "x", 2), vector(g, "y", 2)
	total := gorgonia.Must(gorgonia.Add(x, y))
	m, err := engine.Reference(g, gorgonia.Nodes{total}, nil)
	require.NoError(t, err)
	defer m.Close()
	copy(m.Values(x), []float32{1, 2})
	copy(m.Values(y), []float32{10, 20})
	for range 3 {
		require.NoError(t, m.RunAll())
		require.Equal(t, []float32{11, 22}, m.Values(total))
		require.Equal(t, []float32{1, 2}, m.Values(x))
		require.Equal(t, []float32{10, 20}, m.Values(y))
	}
}

// An output's register may be reused by a later instruction; its value must not be.
func TestReferenceKeepsOutputsThatLaterOpsOverwrite(t *testing.T) {
	g := gorgonia.NewGraph()
	x, y := vector(g, "x", 2), vector(g, "y", 2)
	first := gorgonia.Must(gorgonia.Add(x, y))
	second := gorgonia.Must(gorgonia.Add(first, y))
	m, err := engine.Reference(g, gorgonia.Nodes{first, second}, nil)
	require.NoError(t, err)
	defer m.Close()
	copy(m.Values(x), []float32{1, 2})
	copy(m.Values(y), []float32{10, 20})
	require.NoError(t, m.RunAll())
	require.Equal(t, []float32{11, 22}, m.Values(first))
	require.Equal(t, []float32{21, 42}, m.Values(second))
}

func TestReferenceRefusesOtherElementTypes(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithName("x"), gorgonia.WithShape(2))
	_, err := engine.Reference(g, gorgonia.Nodes{gorgonia.Must(gorgonia.Square(x))}, nil)
	require.ErrorContains(t, err, `bind leaf "x"`)
}

func TestReferencePanicsOnUndeclaredNode(t *testing.T) {
	g := gorgonia.NewGraph()
	x := vector(g, "x", 2)
	inner := gorgonia.Must(gorgonia.Square(x))
	outer := gorgonia.Must(gorgonia.Square(inner))
	m, err := engine.Reference(g, gorgonia.Nodes{outer}, nil)
	require.NoError(t, err)
	defer m.Close()
	require.Panics(t, func() { m.Values(inner) })
}
