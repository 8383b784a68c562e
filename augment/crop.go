package augment

import (
	"math"
	"math/rand/v2"

	"twinview/experiment"
)

// Box is a rectangle of pixels inside an image.
type Box struct{ Top, Left, Height, Width int }

// cropTries is how often torchvision draws a box before it falls back to the centre.
const cropTries = 10

// RandomCrop draws the box of torchvision's RandomResizedCrop.get_params in an image of height by width pixels: area
// uniform in Scale (as a fraction of the image's), aspect ratio log-uniform in Ratio, position uniform. When ten boxes
// in a row do not fit, it is the largest central box with a ratio in Ratio.
func RandomCrop(c experiment.Crop, height, width int, r *rand.Rand) Box {
	lowest, highest := math.Log(c.Ratio[0]), math.Log(c.Ratio[1])
	for range cropTries {
		area := float64(height*width) * uniform(r, c.Scale[0], c.Scale[1])
		ratio := math.Exp(uniform(r, lowest, highest))
		w := round(math.Sqrt(area * ratio))
		h := round(math.Sqrt(area / ratio))
		if 0 < w && w <= width && 0 < h && h <= height {
			top := r.IntN(height - h + 1)
			left := r.IntN(width - w + 1)
			return Box{Top: top, Left: left, Height: h, Width: w}
		}
	}
	return centralCrop(c.Ratio, height, width)
}

// centralCrop keeps at least one pixel in each direction, which torchvision does not for images of one pixel's width.
func centralCrop(ratio [2]float64, height, width int) Box {
	h, w := height, width
	switch whole := float64(width) / float64(height); {
	case whole < ratio[0]:
		h = max(1, round(float64(width)/ratio[0]))
	case whole > ratio[1]:
		w = max(1, round(float64(height)*ratio[1]))
	}
	return Box{Top: (height - h) / 2, Left: (width - w) / 2, Height: h, Width: w}
}

// uniform draws from [low, high).
func uniform(r *rand.Rand, low, high float64) float64 {
	return low + (high-low)*r.Float64()
}

// round rounds halves to even, as Python does.
func round(x float64) int { return int(math.RoundToEven(x)) }
