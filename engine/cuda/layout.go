//go:build gpu

package cuda

import (
	"slices"

	"gorgonia.org/tensor"

	"twinview/engine/lowering"
)

type (
	// filters are a convolution's weights [out, in, kernel, kernel] as kernels want them: [out, kernel, kernel, channels], in the
	// precision of its tensors, with zeros behind the last of in.
	filters struct{}
	// padChannels gives activations more channels, which are zero.
	padChannels struct{}
)

// layOut gives convolutions their operands as kernels want them. Filters are made once a step, for both directions that read
// them.
func layOut(p *lowering.Program) {
	var all []lowering.Instruction
	type layout struct {
		of        *lowering.Value
		channels  int
		precision Precision
	}
	made := map[layout]*lowering.Value{}
	laidOut := func(op any, of *lowering.Value, channels int, precision Precision, shape ...int) *lowering.Value {
		key := layout{of, channels, precision}
		if _, done := made[key]; !done {
			made[key] = &lowering.Value{Name: of.Name, Shape: tensor.Shape(shape), Precision: precision}
			all = append(all, lowering.Instruction{Op: op, Inputs: []*lowering.Value{of}, Outs: []*lowering.Value{made[key]}})
		}
		return made[key]
	}
	for _, i := range p.Instructions {
		c, ok := i.Op.(lowering.Convolution)
		if !ok {
			all = append(all, i)
			continue
		}
		s := c.Shape
		inputs := slices.Clone(i.Inputs)
		if x := inputs[0]; c.Direction != lowering.InputGradient && x.Shape[3] != s.In {
			inputs[0] = laidOut(padChannels{}, x, s.In, c.Precision, s.Batch, s.Height, s.Width, s.In)
		}
		switch c.Direction {
		case lowering.Forward:
			inputs[1] = laidOut(filters{}, inputs[1], s.In, c.Precision, s.Out, s.Kernel, s.Kernel, s.In)
		case lowering.InputGradient:
			inputs[0] = laidOut(filters{}, inputs[0], s.In, c.Precision, s.Out, s.Kernel, s.Kernel, s.In)
		}
		all = append(all, lowering.Instruction{Op: c, Inputs: inputs, Outs: i.Outs})
	}
	p.Instructions = all
}
