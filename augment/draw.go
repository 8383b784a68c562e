package augment

import "math/rand/v2"

// drawn is everything random about one view.
type drawn struct {
	box       Box
	flip      bool
	jitter    bool
	jitterBy  Jitter
	grayscale bool
	blur      bool
	sigma     float64
	solarize  bool
}

// draw takes the values of one view from r, one statement each, in the order that Apply documents. That order is part
// of every result: do not change it.
func (t *Transform) draw(height, width int, r *rand.Rand) drawn {
	var d drawn
	d.box = RandomCrop(t.view.Crop, height, width, r)
	d.flip = chance(r, t.view.Flip)
	d.jitter = chance(r, t.view.Jitter.Probability)
	d.jitterBy = RandomJitter(t.view.Jitter, r)
	d.grayscale = chance(r, t.view.Grayscale)
	d.blur = chance(r, t.view.Blur.Probability)
	d.sigma = uniform(r, t.view.Blur.Sigma[0], t.view.Blur.Sigma[1])
	d.solarize = chance(r, t.view.Solarize.Probability)
	return d
}

func chance(r *rand.Rand, probability float64) bool { return r.Float64() < probability }
