package cpu

import (
	"slices"

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
	convert := func(v *value, precision Precision, op any) *value {
		if v.precision == precision {
			return v
		}
		if _, done := converted[v]; !done {
			converted[v] = &value{name: v.name, shape: v.shape, precision: precision}
			lowered = append(lowered, instruction{op, []*value{v}, []*value{converted[v]}})
		}
		return converted[v]
	}
	asBFloat16 := func(v *value) *value { return convert(v, BFloat16, narrow{}) }
	asFloat32 := func(v *value) *value { return convert(v, Float32, widen{}) }

	for _, i := range p.instructions {
		activations, result := activationsOf(i)
		wide := !slices.ContainsFunc(activations, func(at int) bool { return i.inputs[at].precision == BFloat16 })
		if _, ok := i.op.(convolution); ok {
			wide = false
		}
		inputs := slices.Clone(i.inputs)
		for at, v := range inputs {
			if slices.Contains(activations, at) && !wide {
				inputs[at] = asBFloat16(v)
			} else {
				inputs[at] = asFloat32(v)
			}
		}
		if _, ok := i.op.(model.GlobalAvgPoolGrad); result && (ok || !wide) {
			i.out().precision = BFloat16
		}
		if c, ok := i.op.(convolution); ok {
			c.precision = precision
			i.op = c
		}
		lowered = append(lowered, instruction{i.op, inputs, i.outs})
	}
	for n, v := range p.outputs {
		p.outputs[n] = asFloat32(v)
	}
	p.instructions = lowered
}

// activationsOf lists the inputs that may be bfloat16 and tells whether the result is then.
func activationsOf(i instruction) (inputs []int, result bool) {
	switch op := i.op.(type) {
	case convolution:
		switch op.direction {
		case forward:
			return []int{0}, true
		case inputGrad:
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
	case model.ReLUGrad, addition:
		return []int{0, 1}, true
	case model.GlobalAvgPoolGrad:
		return nil, true
	}
	return nil, false
}
