package augment

import (
	"math/rand/v2"

	"twinview/experiment"
)

// Transform draws views from one distribution. It owns scratch memory, so each goroutine needs its own.
type Transform struct {
	view    experiment.View
	size    int
	scratch Scratch
}

// New returns a transform that draws views of size by size pixels. It fails with an error that names the field when v
// is outside of what the transforms are defined for.
func New(v experiment.View, size int) (*Transform, error) {
	if err := check(v, size); err != nil {
		return nil, err
	}
	return &Transform{view: v, size: size}, nil
}

// Apply draws a view of src, an image [height, width, 3] of bytes, and writes it to dst, [size, size, 3], normalised.
// It allocates nothing once its memory has grown to the images' size.
//
// Every draw comes from r, in this order: for each try of the crop the area and the aspect ratio, then the box's top
// and left; whether to flip; whether to jitter, the order of the four changes, brightness, contrast, saturation, hue;
// whether to go grey; whether to blur, σ; whether to solarise. All are Drawn whether or not they come to be used, so
// views of two specs that differ in one probability or strength differ in nothing else.
func (t *Transform) Apply(dst []float32, src []uint8, height, width int, r *rand.Rand) {
	t.apply(dst, src, height, width, t.Draw(height, width, r))
}

func (t *Transform) apply(dst []float32, src []uint8, height, width int, d Drawn) {
	t.scratch.source = grow(t.scratch.source, height*width*3)
	source := Image{Height: height, Width: width, Pix: t.scratch.source}
	fromBytes(source.Pix, src[:len(source.Pix)])
	m := Image{Height: t.size, Width: t.size, Pix: dst[:t.size*t.size*3]}
	ResizedCrop(m, source, d.Box, &t.scratch)
	if d.Flip {
		Flip(m)
	}
	if d.Jitter {
		ColorJitter(m, d.JitterBy)
	}
	if d.Grayscale {
		Grayscale(m)
	}
	if d.Blur {
		Blur(m, t.view.Blur.Kernel, d.Sigma, &t.scratch)
	}
	if d.Solarize {
		Solarize(m, float32(t.view.Solarize.Threshold))
	}
	Normalize(m, t.view.Normalize)
}
