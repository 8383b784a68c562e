package augment

import (
	"fmt"
	"math"

	"twinview/experiment"
)

// check refuses what would make a transform panic or give NaN. The spec's own validation is stricter, and comes first
// for users; this is for callers with a View of their own making.
func check(v experiment.View, size int) error {
	if size < 1 {
		return fmt.Errorf("size of a view is %d: must be at least 1 pixel", size)
	}
	if k, largest := v.Blur.Kernel, 2*size-1; v.Blur.Probability > 0 && (k < 1 || k > largest || k%2 == 0) {
		return fmt.Errorf("gaussian_blur.kernel is %d: must be an odd number from 1 to %d", k, largest)
	}
	for _, field := range ranges(v) {
		if !(field.low <= field.value && field.value <= field.high) { // so that NaN is refused too
			return fmt.Errorf("%s is %v: must be from %v to %v", field.name, field.value, field.low, field.high)
		}
	}
	return nil
}

type ranged struct {
	name             string
	value, low, high float64
}

// ranges lists the fields with their ranges. A pair's second number must not be below its first.
func ranges(v experiment.View) []ranged {
	const tiny, large = math.SmallestNonzeroFloat32, math.MaxFloat32
	fields := []ranged{
		{"crop.scale[0]", v.Crop.Scale[0], tiny, 1},
		{"crop.scale[1]", v.Crop.Scale[1], v.Crop.Scale[0], 1},
		{"crop.ratio[0]", v.Crop.Ratio[0], tiny, large},
		{"crop.ratio[1]", v.Crop.Ratio[1], v.Crop.Ratio[0], large},
		{"flip_probability", v.Flip, 0, 1},
		{"color_jitter.probability", v.Jitter.Probability, 0, 1},
		{"color_jitter.brightness", v.Jitter.Brightness, 0, large},
		{"color_jitter.contrast", v.Jitter.Contrast, 0, large},
		{"color_jitter.saturation", v.Jitter.Saturation, 0, large},
		{"color_jitter.hue", v.Jitter.Hue, 0, 0.5},
		{"grayscale_probability", v.Grayscale, 0, 1},
		{"gaussian_blur.probability", v.Blur.Probability, 0, 1},
		{"solarize.probability", v.Solarize.Probability, 0, 1},
		{"solarize.threshold", v.Solarize.Threshold, 0, 1},
	}
	if v.Blur.Probability > 0 {
		fields = append(fields,
			ranged{"gaussian_blur.sigma[0]", v.Blur.Sigma[0], tiny, large},
			ranged{"gaussian_blur.sigma[1]", v.Blur.Sigma[1], v.Blur.Sigma[0], large})
	}
	for c := range v.Normalize.Std {
		fields = append(fields,
			ranged{fmt.Sprintf("normalize.mean[%d]", c), v.Normalize.Mean[c], -large, large},
			ranged{fmt.Sprintf("normalize.std[%d]", c), v.Normalize.Std[c], tiny, large})
	}
	return fields
}
