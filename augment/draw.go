package augment

import "math/rand/v2"

// Drawn is everything random about one view. What a chance decided against has its values all the same.
type Drawn struct {
	Box       Box
	Flip      bool
	Jitter    bool
	JitterBy  Jitter
	Grayscale bool
	Blur      bool
	Sigma     float64
	Solarize  bool
}

// Draw takes the values of one view from r, one statement each, in the order that Apply documents, for those who apply them
// elsewhere. That order is part of every result: do not change it.
func (t *Transform) Draw(height, width int, r *rand.Rand) Drawn {
	var d Drawn
	d.Box = RandomCrop(t.view.Crop, height, width, r)
	d.Flip = chance(r, t.view.Flip)
	d.Jitter = chance(r, t.view.Jitter.Probability)
	d.JitterBy = RandomJitter(t.view.Jitter, r)
	d.Grayscale = chance(r, t.view.Grayscale)
	d.Blur = chance(r, t.view.Blur.Probability)
	d.Sigma = uniform(r, t.view.Blur.Sigma[0], t.view.Blur.Sigma[1])
	d.Solarize = chance(r, t.view.Solarize.Probability)
	return d
}

func chance(r *rand.Rand, probability float64) bool { return r.Float64() < probability }
