package engine

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Reference is the Compiler of the slow machine that every faster one is tested against: Gorgonia's TapeMachine, which
// calls each op's Do.
func Reference(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (Machine, error) {
	m := &reference{leaves: map[*gorgonia.Node]leaf{}, outputs: map[*gorgonia.Node]bool{}}
	for _, n := range g.Inputs() {
		l, err := bindLeaf(n)
		if err != nil {
			return nil, fmt.Errorf("bind leaf %q: %w", n.Name(), err)
		}
		m.leaves[n] = l
	}
	watched := make([]any, 0, len(outputs))
	for _, n := range outputs {
		if !g.Has(n.ID()) {
			return nil, fmt.Errorf("output %q is not a node of the graph: pass nodes of the graph to compile", n.Name())
		}
		m.outputs[n] = true
		watched = append(watched, n)
	}

	program, registers, err := gorgonia.Compile(g)
	if err != nil {
		return nil, fmt.Errorf("compile graph: %w", err)
	}
	// TraceExec with a watch list copies the outputs, and nothing else, out of registers that later instructions
	// may reuse. Unlike gorgonia.Read it leaves the graph as it is.
	options := []gorgonia.VMOpt{gorgonia.WithPrecompiled(program, registers)}
	if len(watched) > 0 {
		options = append(options, gorgonia.TraceExec(), gorgonia.WithWatchlist(watched...))
	}
	m.tape = gorgonia.NewTapeMachine(g, options...)
	return m, nil
}

type reference struct {
	tape    gorgonia.VM
	leaves  map[*gorgonia.Node]leaf
	outputs map[*gorgonia.Node]bool
}

// leaf keeps the caller's memory apart from the tensor that the TapeMachine works on, because Gorgonia's stock
// arithmetic may write its result over an operand that nothing reads any more, leaves included.
type leaf struct {
	values  []float32
	working []float32
}

func bindLeaf(n *gorgonia.Node) (leaf, error) {
	if n.Dtype() != tensor.Float32 {
		return leaf{}, fmt.Errorf("element type %v: machines run float32 graphs", n.Dtype())
	}
	if n.IsScalar() {
		return leaf{}, fmt.Errorf("a scalar: give it shape [1], so that it has memory to write to")
	}
	values := make([]float32, n.Shape().TotalSize())
	if bound := n.Value(); bound != nil {
		copy(values, floats(bound))
	}
	working := make([]float32, len(values))
	err := gorgonia.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(working)))
	return leaf{values: values, working: working}, err
}

func (m *reference) RunAll() error {
	for _, l := range m.leaves {
		copy(l.working, l.values)
	}
	m.tape.Reset()
	if err := m.tape.RunAll(); err != nil {
		return fmt.Errorf("run graph: %w", err)
	}
	return nil
}

func (m *reference) Reset() { m.tape.Reset() }

func (m *reference) Close() error { return m.tape.Close() }

func (m *reference) Values(n *gorgonia.Node) []float32 {
	if l, ok := m.leaves[n]; ok {
		return l.values
	}
	if !m.outputs[n] {
		panic(fmt.Sprintf("engine: %q is neither a leaf nor a declared output", n.Name()))
	}
	if n.Value() == nil { // before the first run
		return make([]float32, n.Shape().TotalSize())
	}
	return floats(n.Value())
}

// floats returns the memory of a tensor; a scalar's value in memory of its own.
func floats(v gorgonia.Value) []float32 {
	switch data := v.Data().(type) {
	case []float32:
		return data
	case float32:
		return []float32{data}
	default:
		panic(fmt.Sprintf("engine: value of type %T in a float32 graph", data))
	}
}
