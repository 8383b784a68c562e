package lowering

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Precision is the element type in which a machine keeps activations and their gradients. Parameters and their gradients,
// batch statistics, projections and losses are float32 always, and so are all sums.
type Precision int

// The precisions.
const (
	Float32 Precision = iota
	BFloat16
)

func (p Precision) String() string {
	if p == BFloat16 {
		return "bfloat16"
	}
	return "float32"
}

// Bytes is the size of an element.
func (p Precision) Bytes() int {
	if p == BFloat16 {
		return 2
	}
	return 4
}

// Value is a leaf or what an instruction computes. Most stand for a node of the graph.
type Value struct {
	Name      string
	Shape     tensor.Shape
	Precision Precision
}

// Elements is the number of elements, one for a scalar.
func (v *Value) Elements() int { return v.Shape.TotalSize() }

// Bytes is the size in memory.
func (v *Value) Bytes() int { return v.Elements() * v.Precision.Bytes() }

// Rows sees a value as [rows, channels]: all axes but the last are rows.
func (v *Value) Rows() (rows, channels int) {
	if v.Shape.Dims() == 0 {
		return 1, 1
	}
	last := v.Shape[v.Shape.Dims()-1]
	return v.Elements() / last, last
}

// Instruction computes values from others.
type Instruction struct {
	// Op is a gorgonia.Op, Addition, Convolution, Narrow, Widen or one that Fuse makes.
	Op     any
	Inputs []*Value
	Outs   []*Value
}

// Out is the first result, the only one of most instructions.
func (i Instruction) Out() *Value { return i.Outs[0] }

// Program is a graph as instructions, in the order in which they run.
type Program struct {
	Instructions []Instruction
	// Leaves and Outputs are what the caller writes and reads.
	Leaves, Outputs map[*gorgonia.Node]*Value
}

// NewProgram makes instructions of what the outputs depend on, in float32.
func NewProgram(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (*Program, error) {
	leaves, steps, err := Schedule(g, outputs)
	if err != nil {
		return nil, err
	}
	p := &Program{Leaves: map[*gorgonia.Node]*Value{}, Outputs: map[*gorgonia.Node]*Value{}}
	values := map[*gorgonia.Node]*Value{}
	for _, n := range leaves {
		values[n] = &Value{Name: n.Name(), Shape: n.Shape()}
		p.Leaves[n] = values[n]
	}
	for _, s := range steps {
		inputs := make([]*Value, len(s.Inputs))
		for j, input := range s.Inputs {
			inputs[j] = values[input]
		}
		out := &Value{Name: s.Node.Name(), Shape: s.Node.Shape()}
		values[s.Node] = out
		p.Instructions = append(p.Instructions, Instruction{convolutionOr(s.Op, inputs, out), inputs, []*Value{out}})
	}
	for _, n := range outputs {
		p.Outputs[n] = values[n]
	}
	return p, nil
}

// Visible are the values that the caller writes or reads.
func (p *Program) Visible() map[*Value]bool {
	visible := map[*Value]bool{}
	for _, v := range p.Outputs {
		visible[v] = true
	}
	for _, v := range p.Leaves {
		visible[v] = true
	}
	return visible
}

// LastUses numbers the last instruction that reads each value.
func (p *Program) LastUses() map[*Value]int {
	last := map[*Value]int{}
	for at, i := range p.Instructions {
		for _, input := range i.Inputs {
			last[input] = at
		}
	}
	return last
}

// uses counts how often each value is read, by instructions or by the caller.
func (p *Program) uses() map[*Value]int {
	uses := map[*Value]int{}
	for _, i := range p.Instructions {
		for _, input := range i.Inputs {
			uses[input]++
		}
	}
	for _, v := range p.Outputs {
		uses[v]++
	}
	return uses
}

// drop removes the instructions that others have taken in.
func (p *Program) drop(gone []bool) {
	kept := p.Instructions[:0]
	for at, i := range p.Instructions {
		if !gone[at] {
			kept = append(kept, i)
		}
	}
	p.Instructions = kept
}
