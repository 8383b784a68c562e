package augment

import (
	"math/rand/v2"

	"twinview/experiment"
)

// Change is one of the four changes of torchvision's ColorJitter, numbered as there.
type Change int

// The four changes.
const (
	ChangeBrightness Change = iota
	ChangeContrast
	ChangeSaturation
	ChangeHue
)

// Jitter is one draw of ColorJitter: the amounts of the four changes, and the order in which they are made.
type Jitter struct {
	Order                                 [4]Change
	Brightness, Contrast, Saturation, Hue float32
}

// RandomJitter draws an order, then the factors of brightness, contrast, saturation and hue.
func RandomJitter(c experiment.ColorJitter, r *rand.Rand) Jitter {
	j := Jitter{Order: [4]Change{ChangeBrightness, ChangeContrast, ChangeSaturation, ChangeHue}}
	r.Shuffle(len(j.Order), func(a, b int) { j.Order[a], j.Order[b] = j.Order[b], j.Order[a] })
	j.Brightness = factor(r, c.Brightness)
	j.Contrast = factor(r, c.Contrast)
	j.Saturation = factor(r, c.Saturation)
	j.Hue = float32(uniform(r, -c.Hue, c.Hue))
	return j
}

func factor(r *rand.Rand, strength float64) float32 {
	return float32(uniform(r, max(0, 1-strength), 1+strength))
}

// ColorJitter applies the four changes of j in its order.
func ColorJitter(m Image, j Jitter) {
	for _, kind := range j.Order {
		switch kind {
		case ChangeBrightness:
			Brightness(m, j.Brightness)
		case ChangeContrast:
			Contrast(m, j.Contrast)
		case ChangeSaturation:
			Saturation(m, j.Saturation)
		case ChangeHue:
			Hue(m, j.Hue)
		}
	}
}
