package augment

// Solarize inverts every value at or above threshold, in [0, 1], channel by channel (torchvision's solarize).
func Solarize(m Image, threshold float32) {
	for i, x := range m.Pix {
		if x >= threshold {
			m.Pix[i] = 1 - x
		}
	}
}
