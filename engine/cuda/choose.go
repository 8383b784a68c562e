//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"slices"

	"twinview/engine"
	"twinview/engine/cuda/kernels"
	"twinview/engine/lowering"
)

// directAlgorithm is how the kernels of convolution_direct.cu are recorded, which take any size. Others are recorded by name.
const directAlgorithm = "direct"

// chooser decides which kernel computes each convolution and remembers it.
type chooser struct {
	device           *device
	recorded, chosen engine.Kernels
	number           kernels.Number
	// measure says that what is not recorded is measured. A graph for inference beside a recorded training is not: nobody would
	// record its kernels.
	measure bool
}

// algorithms sets the kernel of every convolution, and the channels that it wants: the recorded one, else the fastest if that is
// to be measured, else the likeliest.
func (c *chooser) algorithms(p *lowering.Program) error {
	measure := c.measure && (c.recorded == nil || p.Trains())
	for at := range p.Instructions {
		conv, ok := p.Instructions[at].Op.(lowering.Convolution)
		if !ok {
			continue
		}
		name, candidates := conv.String(), candidatesOf(conv, c.number)
		chosen, err := c.choose(name, candidates, measure)
		if err != nil {
			return fmt.Errorf("choose the kernel of %s: %w", name, err)
		}
		c.chosen[name] = chosen.Algorithm
		p.Instructions[at].Op = chosen
	}
	return nil
}

func (c *chooser) choose(name string, candidates []lowering.Convolution, measure bool) (lowering.Convolution, error) {
	algorithm, known := c.chosen[name]
	if !known {
		algorithm, known = c.recorded[name]
	}
	if known {
		at := slices.IndexFunc(candidates, func(c lowering.Convolution) bool { return c.Algorithm == algorithm })
		if at < 0 {
			return lowering.Convolution{}, fmt.Errorf("%w: kernel %q: take a worker of the version that recorded it",
				engine.ErrUnsupported, algorithm)
		}
		return candidates[at], nil
	}
	if !measure || len(candidates) < 2 {
		return candidates[0], nil
	}
	fastest, err := c.device.fastest(candidates)
	if errors.Is(err, errMemory) { // the whole graph has no room either, and says what would have
		return candidates[0], nil
	}
	return fastest, err
}

// candidatesOf are the convolution by each kernel that takes it, the likeliest first. The direct one stands in where there is no
// other.
func candidatesOf(c lowering.Convolution, n kernels.Number) []lowering.Convolution {
	shape := kernels.Convolution(c.Shape)
	fitting := shape.ImplicitGEMMs(kernels.Direction(c.Direction), n)
	if len(fitting) == 0 && c.Direction != lowering.InputGradient {
		const channels = 4 // of images, for the kernels made for few
		shape = shape.Padded(channels)
		fitting = shape.ImplicitGEMMs(kernels.Direction(c.Direction), n)
	}
	if len(fitting) == 0 {
		c.Algorithm = directAlgorithm
		return []lowering.Convolution{c}
	}
	var all []lowering.Convolution
	c.Shape = lowering.ConvolutionShape(shape)
	for _, g := range fitting {
		c.Algorithm = g.Kernel
		all = append(all, c)
	}
	return all
}
