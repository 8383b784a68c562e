// Package engine runs Gorgonia expression graphs of package model. It says what a machine is, and holds the reference
// machine, Gorgonia's own; engine/cpu is the fast one. Precision, memory layout and fusion are a machine's business: the
// graph knows none of it, so every machine runs the very same graph.
package engine

import (
	"errors"

	"gorgonia.org/gorgonia"
)

// Machine runs one graph again and again. It is not safe for concurrent use.
type Machine interface {
	// VM's RunAll runs the whole graph once, from the leaves' present values. Reset does nothing that a caller needs:
	// a machine is ready to run again after RunAll. Close frees the machine's memory; no slice from Values may be
	// used afterwards.
	gorgonia.VM

	// Values returns the memory of a node, in row-major order of its shape (one element for a scalar). It panics if
	// n is neither a leaf of the graph nor one of the outputs that the machine was compiled for.
	//
	// A leaf's memory belongs to the caller between runs: it may be read and written, no run changes it, and the
	// slice stays the same for the machine's life. An output's is valid until the next run, and may be written as
	// scratch until then.
	Values(n *gorgonia.Node) []float32

	// Kernels are those that the machine runs. They belong to the caller.
	Kernels() Kernels
}

// Compiler makes a machine for a float32 graph. Outputs are the nodes whose values will be read after a run; the values
// of other inner nodes are lost. A leaf with a bound value starts with it, a leaf without starts at zero. One graph
// belongs to one machine: compile a second machine from a second graph.
//
// The machine runs the kernels that are named in recorded; what it does not name, and everything where it is nil, the
// machine chooses. It is an ErrUnsupported if this CPU cannot run one of them.
type Compiler func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded Kernels) (Machine, error)

// ErrUnsupported is wrapped by the error for kernels that this machine cannot run.
var ErrUnsupported = errors.New("this CPU cannot run it")
