package augment

// Brightness multiplies every value by factor ≥ 0 and clamps to [0, 1] (torchvision's adjust_brightness).
func Brightness(m Image, factor float32) {
	for i, x := range m.Pix {
		m.Pix[i] = clamp(factor * x)
	}
}
