package engine

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Reference is the Compiler of the slow machine that every faster one is tested against: Gorgonia's TapeMachine, which
// calls each op's Do.
func Reference(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, _ Kernels) (Machine, error) {
	m := &reference{leaves: map[*gorgonia.Node][]float32{}, outputs: map[*gorgonia.Node]bool{}}
	for _, n := range g.Inputs() {
		values, err := bindLeaf(n)
		if err != nil {
			return nil, fmt.Errorf("bind leaf %q: %w", n.Name(), err)
		}
		m.leaves[n] = values
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
	leaves  map[*gorgonia.Node][]float32
	outputs map[*gorgonia.Node]bool
}

// bindLeaf gives the leaf memory of this machine's own, so that nothing else that holds the bound tensor is written
// through it. The TapeMachine never reuses a leaf's register: the memory can be the caller's.
func bindLeaf(n *gorgonia.Node) ([]float32, error) {
	if n.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("element type %v: machines run float32 graphs", n.Dtype())
	}
	if n.IsScalar() {
		return nil, errors.New("it is a scalar: give it shape [1], so that it has memory to write to")
	}
	values := make([]float32, n.Shape().TotalSize())
	if bound := n.Value(); bound != nil {
		copy(values, floats(bound))
	}
	return values, gorgonia.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(values)))
}

func (m *reference) RunAll() error {
	m.tape.Reset()
	if err := m.tape.RunAll(); err != nil {
		return fmt.Errorf("run graph: %w", err)
	}
	return nil
}

func (m *reference) Reset() { m.tape.Reset() }

func (m *reference) Close() error { return m.tape.Close() }

func (m *reference) Values(n *gorgonia.Node) []float32 {
	if values, ok := m.leaves[n]; ok {
		return values
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

// Kernels implements Machine: there is one way only.
func (m *reference) Kernels() Kernels { return nil }
