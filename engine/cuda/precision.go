//go:build gpu

package cuda

import (
	"slices"

	"twinview/engine/lowering"
	"twinview/model"
)

// narrow rounds float32 to bfloat16, widen is the way back.
type (
	narrow struct{}
	widen  struct{}
)

// inPrecision turns activations and their gradients, as far as convolutions are between them, into bfloat16. What enters
// from float32 leaves is rounded once, and what the caller reads is float32.
func (p *program) inPrecision(precision Precision) {
	if precision == Float32 {
		return
	}
	var lowered []instruction
	converted := map[*value]*value{} // each to the other precision
	convert := func(v *value, to Precision, op any) *value {
		if v.precision == to {
			return v
		}
		if _, done := converted[v]; !done {
			converted[v] = &value{name: v.name, shape: v.shape, precision: to}
			lowered = append(lowered, instruction{op, []*value{v}, converted[v]})
		}
		return converted[v]
	}
	for _, i := range p.instructions {
		activations, result := activationsOf(i.op)
		convolves := isConvolution(i.op)
		wide := !convolves && !slices.ContainsFunc(activations, func(at int) bool { return i.inputs[at].precision == BFloat16 })
		inputs := slices.Clone(i.inputs)
		for at, v := range inputs {
			if slices.Contains(activations, at) && !wide {
				inputs[at] = convert(v, BFloat16, narrow{})
			} else {
				inputs[at] = convert(v, Float32, widen{})
			}
		}
		if _, pools := i.op.(model.GlobalAvgPoolGrad); pools || result && !wide {
			i.out.precision = BFloat16
		}
		lowered = append(lowered, instruction{i.op, inputs, i.out})
	}
	for n, v := range p.outputs {
		p.outputs[n] = convert(v, Float32, widen{})
	}
	p.instructions = lowered
}

func isConvolution(op any) bool {
	switch op.(type) {
	case model.Conv2D, model.Conv2DInputGrad, model.Conv2DWeightGrad:
		return true
	}
	return false
}

// activationsOf lists the inputs that may be bfloat16 and tells whether the result is then.
func activationsOf(op any) (inputs []int, result bool) {
	switch op.(type) {
	case model.Conv2D:
		return []int{0}, true
	case model.Conv2DInputGrad:
		return []int{1}, true
	case model.Conv2DWeightGrad:
		return []int{0, 1}, false
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
	case model.ReLUGrad, lowering.Addition:
		return []int{0, 1}, true
	}
	return nil, false
}
