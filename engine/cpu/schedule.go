package cpu

import (
	"gorgonia.org/gorgonia"

	"twinview/engine/lowering"
)

// addition is of two values of one shape.
type addition = lowering.Addition

// schedule makes instructions of what the outputs depend on.
func schedule(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (*program, error) {
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
		for j, input := range s.Inputs {
			inputs[j] = values[input]
		}
		values[s.Node] = &value{name: s.Node.Name(), shape: s.Node.Shape()}
		p.instructions = append(p.instructions, instruction{s.Op, inputs, []*value{values[s.Node]}})
	}
	for _, n := range outputs {
		p.outputs[n] = values[n]
	}
	return p, nil
}
