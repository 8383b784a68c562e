package augment

// Hue turns the colour circle by shift turns, in [−0.5, 0.5], and keeps saturation and value (torchvision's
// adjust_hue).
func Hue(m Image, shift float32) {
	for i := 0; i+2 < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3 : i+3]
		p[0], p[1], p[2] = turn(p[0], p[1], p[2], 6*shift)
	}
}

// turn goes to HSV and back, with the hue in sixths of a turn. The way back is the closed form of the six cases in
// torchvision's _hsv2rgb: a channel is value − chroma · clamp(min(k, 4−k)), where k is the hue's distance from the
// channel's own edge of the colour circle. It needs no saturation (chroma / value), hence no care for black.
func turn(red, green, blue, shift float32) (r, g, b float32) {
	value := max(red, green, blue)
	chroma := value - min(red, green, blue)
	if chroma == 0 {
		return red, green, blue
	}
	var hue float32
	switch value {
	case red:
		hue = (green - blue) / chroma
	case green:
		hue = 2 + (blue-red)/chroma
	default:
		hue = 4 + (red-green)/chroma
	}
	hue = wrap(hue + shift)
	return channel(wrap(hue+5), value, chroma), channel(wrap(hue+3), value, chroma), channel(wrap(hue+1), value, chroma)
}

func channel(k, value, chroma float32) float32 { return value - chroma*clamp(min(k, 4-k)) }

// wrap brings a hue from (−6, 12) into [0, 6].
func wrap(hue float32) float32 {
	if hue >= 6 {
		return hue - 6
	}
	if hue < 0 {
		return hue + 6
	}
	return hue
}
