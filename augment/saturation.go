package augment

// Saturation moves every pixel away from (factor > 1) or towards (factor < 1) its own luma, and clamps to [0, 1]
// (torchvision's adjust_saturation). Factor ≥ 0.
func Saturation(m Image, factor float32) {
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		shift := (1 - factor) * luma(p[0], p[1], p[2])
		p[0] = clamp(factor*p[0] + shift)
		p[1] = clamp(factor*p[1] + shift)
		p[2] = clamp(factor*p[2] + shift)
	}
}
