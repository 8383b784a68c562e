package augment

// Grayscale replaces the three channels of every pixel by its luma (torchvision's rgb_to_grayscale with three
// channels).
func Grayscale(m Image) {
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		y := luma(p[0], p[1], p[2])
		p[0], p[1], p[2] = y, y, y
	}
}

// luma has torchvision's weights, those of ITU-R BT.601 to the digits that torchvision keeps (their sum is 0.9999).
func luma(red, green, blue float32) float32 { return 0.2989*red + 0.587*green + 0.114*blue }
