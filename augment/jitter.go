package augment

import (
	"math/rand/v2"

	"twinview/experiment"
)

// jitterKind is one of the four changes of torchvision's ColorJitter, numbered as there.
type jitterKind int

const (
	jitterBrightness jitterKind = iota
	jitterContrast
	jitterSaturation
	jitterHue
)

// Jitter is one draw of ColorJitter: the four changes, in the order Order.
type Jitter struct {
	Order                                 [4]jitterKind
	Brightness, Contrast, Saturation, Hue float32
}

// RandomJitter draws an order, then the factors of brightness, contrast, saturation and hue.
func RandomJitter(c experiment.ColorJitter, r *rand.Rand) Jitter {
	j := Jitter{Order: [4]jitterKind{jitterBrightness, jitterContrast, jitterSaturation, jitterHue}}
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
		case jitterBrightness:
			Brightness(m, j.Brightness)
		case jitterContrast:
			Contrast(m, j.Contrast)
		case jitterSaturation:
			Saturation(m, j.Saturation)
		case jitterHue:
			Hue(m, j.Hue)
		}
	}
}
