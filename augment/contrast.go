package augment

// Contrast moves every value away from (factor > 1) or towards (factor < 1) the image's mean luma, and clamps to [0, 1]
// (torchvision's adjust_contrast). Factor ≥ 0.
func Contrast(m Image, factor float32) {
	var sum float64
	for i := 0; i+2 < len(m.Pix); i += 3 {
		sum += float64(luma(m.Pix[i], m.Pix[i+1], m.Pix[i+2]))
	}
	shift := (1 - factor) * float32(sum/float64(m.Height*m.Width))
	for i, x := range m.Pix {
		m.Pix[i] = clamp(factor*x + shift)
	}
}
