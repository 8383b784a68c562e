package augment

import "twinview/experiment"

// Normalize subtracts the mean and divides by the standard deviation, channel by channel (torchvision's normalize). The
// values are no longer in [0, 1].
func Normalize(m Image, n experiment.Normalize) {
	var scale, shift [3]float32
	for c := range scale {
		scale[c] = float32(1 / n.Std[c])
		shift[c] = float32(-n.Mean[c] / n.Std[c])
	}
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		p[0] = p[0]*scale[0] + shift[0]
		p[1] = p[1]*scale[1] + shift[1]
		p[2] = p[2]*scale[2] + shift[2]
	}
}

// Plain is the transform of evaluation, without randomness: it brings src [H, W, 3] to [0, 1] and normalises it into
// dst, which has the same length and layout. Images may follow one another in both.
func Plain(dst []float32, src []uint8, n experiment.Normalize) {
	dst = dst[:len(src)]
	fromBytes(dst, src)
	Normalize(Image{Height: 1, Width: len(src) / 3, Pix: dst}, n)
}
