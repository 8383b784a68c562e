package lowering

import (
	"slices"

	"twinview/model"
)

// Narrow rounds float32 to bfloat16, Widen is the way back.
type (
	Narrow struct{}
	Widen  struct{}
)

// InPrecision turns activations and their gradients, as far as convolutions are between them, into bfloat16. What enters
// from float32 leaves is rounded once, and what the caller reads is float32.
func (p *Program) InPrecision(precision Precision) {
	if precision == Float32 {
		return
	}
	var lowered []Instruction
	converted := map[*Value]*Value{} // each to the other precision
	convert := func(v *Value, to Precision, op any) *Value {
		if v.Precision == to {
			return v
		}
		if _, done := converted[v]; !done {
			converted[v] = &Value{Name: v.Name, Shape: v.Shape, Precision: to}
			lowered = append(lowered, Instruction{op, []*Value{v}, []*Value{converted[v]}})
		}
		return converted[v]
	}
	for _, i := range p.Instructions {
		activations, result := activationsOf(i.Op)
		c, convolves := i.Op.(Convolution)
		wide := !convolves && !slices.ContainsFunc(activations, func(at int) bool { return i.Inputs[at].Precision == BFloat16 })
		inputs := slices.Clone(i.Inputs)
		for at, v := range inputs {
			if slices.Contains(activations, at) && !wide {
				inputs[at] = convert(v, BFloat16, Narrow{})
			} else {
				inputs[at] = convert(v, Float32, Widen{})
			}
		}
		if _, pools := i.Op.(model.GlobalAvgPoolGrad); pools || result && !wide {
			i.Out().Precision = BFloat16
		}
		if convolves {
			c.Precision = precision
			i.Op = c
		}
		lowered = append(lowered, Instruction{i.Op, inputs, i.Outs})
	}
	for n, v := range p.Outputs {
		p.Outputs[n] = convert(v, Float32, Widen{})
	}
	p.Instructions = lowered
}

// activationsOf lists the inputs that may be bfloat16 and tells whether the result is then.
func activationsOf(op any) (inputs []int, result bool) {
	switch op := op.(type) {
	case Convolution:
		switch op.Direction {
		case Forward:
			return []int{0}, true
		case InputGradient:
			return []int{1}, true
		default:
			return []int{0, 1}, false
		}
	case model.BatchNorm:
		return []int{0}, true
	case model.BatchNormInputGrad:
		return []int{0, 3}, true
	case model.BatchStats, model.GlobalAvgPool:
		return []int{0}, false
	case model.BatchNormAffineGrad:
		return []int{0, 2}, false
	case model.ReLU:
		return []int{0}, true
	case model.ReLUGrad, Addition:
		return []int{0, 1}, true
	}
	return nil, false
}
