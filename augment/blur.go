package augment

import "math"

// Blur convolves m with a Gaussian of standard deviation sigma > 0 pixels, cut to kernel by kernel pixels and scaled to
// the sum 1; outside the image are its reflections, without repeating the edge (torchvision's gaussian_blur). The
// kernel must be odd and at most 2·min(Height, Width)−1. The two directions are done one after the other, which differs
// from torchvision's square kernel by rounding only.
func Blur(m Image, kernel int, sigma float64, s *Scratch) {
	s.kernel = grow(s.kernel, kernel)
	gaussian(s.kernel, sigma)
	s.between = grow(s.between, len(m.Pix))
	between := Image{Height: m.Height, Width: m.Width, Pix: s.between}
	margin := kernel / 2
	s.padded = grow(s.padded, (m.Width+2*margin)*3)
	for y := range m.Height {
		pad(s.padded, m.row(y), margin)
		row := between.row(y)
		clear(row)
		for k, weight := range s.kernel {
			addScaled(row, s.padded[k*3:], weight)
		}
	}
	for y := range m.Height {
		row := m.row(y)
		clear(row)
		for k, weight := range s.kernel {
			addScaled(row, between.row(reflect(y+k-margin, m.Height)), weight)
		}
	}
}

// pad copies a row of pixels between its reflected margins.
func pad(dst, row []float32, margin int) {
	width := len(row) / 3
	copy(dst[margin*3:], row)
	for i := range margin {
		copyPixel(dst, i, row, reflect(i-margin, width))
		copyPixel(dst, margin+width+i, row, reflect(width+i, width))
	}
}

func copyPixel(dst []float32, to int, src []float32, from int) {
	copy(dst[to*3:to*3+3], src[from*3:from*3+3])
}

// reflect mirrors a position up to n−1 outside of 0 … n−1 back into it: −1 → 1, n → n−2.
func reflect(i, n int) int {
	if i < 0 {
		return -i
	}
	if i >= n {
		return 2*(n-1) - i
	}
	return i
}

func gaussian(kernel []float32, sigma float64) {
	var total float64
	for i := range kernel {
		x := float64(i-len(kernel)/2) / sigma
		weight := math.Exp(-0.5 * x * x)
		kernel[i] = float32(weight)
		total += weight
	}
	for i := range kernel {
		kernel[i] = float32(float64(kernel[i]) / total)
	}
}
