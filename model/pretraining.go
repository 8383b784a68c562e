package model

import (
	"fmt"
	"math"

	"twinview/experiment"
)

// pretrainingLoss adds the method's loss on the projection, which begins with the first views of all images.
func (b *builder) pretrainingLoss(m experiment.Method, o Options) {
	if b.err != nil {
		return
	}
	if m.Name == experiment.SimCLR {
		z := b.apply(L2Normalize{}, b.network.Projection)
		b.network.Loss = b.apply(NTXent{Temperature: m.Temperature, Views: o.viewsPerImage()}, z)
		return
	}
	views := b.network.Projection.Shape()[0]
	first := b.apply(Standardize{}, b.apply(Rows{From: 0, To: views / 2}, b.network.Projection))
	second := b.apply(Standardize{}, b.apply(Rows{From: views / 2, To: views}, b.network.Projection))
	correlation := b.apply(MatMul{TransA: true}, first, second)
	b.network.Loss = b.apply(RedundancyReduction{Lambda: m.Lambda}, correlation)
}

// viewsPerImage is Views with its default.
func (o Options) viewsPerImage() int {
	if o.Views == 0 {
		return 2
	}
	return o.Views
}

func checkPretraining(m experiment.Method, o Options) error {
	views := o.viewsPerImage()
	switch {
	case views < 2 || views > 2 && m.Name == experiment.BarlowTwins:
		return fmt.Errorf("%d views an image, want 2 (or, with %q, more)", views, experiment.SimCLR)
	case o.Batch%views != 0:
		return fmt.Errorf("batch is %d views, want a multiple of %d, the views of an image", o.Batch, views)
	case o.Batch < 2*views:
		return fmt.Errorf("batch is %d views, want at least %d: one image has nothing to be contrasted with", o.Batch, 2*views)
	}
	switch m.Name {
	case experiment.SimCLR:
		if !(m.Temperature > 0) || math.IsInf(m.Temperature, 1) {
			return fmt.Errorf("method.temperature is %v, want a number greater than 0", m.Temperature)
		}
	case experiment.BarlowTwins:
		if !(m.Lambda >= 0) || math.IsInf(m.Lambda, 1) {
			return fmt.Errorf("method.lambda is %v, want a number of at least 0", m.Lambda)
		}
	default:
		return fmt.Errorf("method.name is %q, want %q or %q", m.Name, experiment.SimCLR, experiment.BarlowTwins)
	}
	return checkProjector(m.Projector)
}
