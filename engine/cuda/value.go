//go:build gpu

package cuda

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine/lowering"
)

// Precision is the element type in which a machine keeps activations and their gradients. Parameters and their gradients,
// batch statistics, projections and losses are float32 always, and so are all sums.
type Precision int

// The precisions.
const (
	Float32 Precision = iota
	BFloat16
)

// String is also how kernels' names end.
func (p Precision) String() string {
	if p == BFloat16 {
		return "bfloat16"
	}
	return "float32"
}

func (p Precision) bytes() int {
	if p == BFloat16 {
		return 2
	}
	return 4
}

// value is a leaf or what an instruction computes.
type value struct {
	name      string
	shape     tensor.Shape
	precision Precision
}

// elements is the number of elements, one for a scalar.
func (v *value) elements() int { return v.shape.TotalSize() }

func (v *value) bytes() int { return v.elements() * v.precision.bytes() }

// rows sees a value as [rows, channels]: all axes but the last are rows.
func (v *value) rows() (rows, channels int) {
	if v.shape.Dims() == 0 {
		return 1, 1
	}
	last := v.shape[v.shape.Dims()-1]
	return v.shape.TotalSize() / last, last
}

// instruction computes a value from others.
type instruction struct {
	op     any // a gorgonia.Op, lowering.Addition, narrow or widen
	inputs []*value
	out    *value
}

// program is a graph as instructions.
type program struct {
	instructions []instruction
	// leaves and outputs are what the caller writes and reads.
	leaves, outputs map[*gorgonia.Node]*value
}

func newProgram(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (*program, error) {
	leaves, steps, err := lowering.Schedule(g, outputs)
	if err != nil {
		return nil, err
	}
	p := &program{leaves: map[*gorgonia.Node]*value{}, outputs: map[*gorgonia.Node]*value{}}
	values := map[*gorgonia.Node]*value{}
	for _, n := range leaves {
		values[n] = &value{name: n.Name(), shape: n.Shape()}
		p.leaves[n] = values[n]
	}
	for _, s := range steps {
		inputs := make([]*value, len(s.Inputs))
		for i, input := range s.Inputs {
			inputs[i] = values[input]
		}
		values[s.Node] = &value{name: s.Node.Name(), shape: s.Node.Shape()}
		p.instructions = append(p.instructions, instruction{s.Op, inputs, values[s.Node]})
	}
	for _, n := range outputs {
		p.outputs[n] = values[n]
	}
	return p, nil
}

// batch is the number of rows that go through the network at once: those of what the first instruction reads.
func (p *program) batch() int {
	if len(p.instructions) == 0 || p.instructions[0].inputs[0].shape.Dims() == 0 {
		return 1
	}
	return p.instructions[0].inputs[0].shape[0]
}
