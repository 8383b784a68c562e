package augment

// ResizedCrop resizes the part of src inside box to the size of dst, as torchvision's resized_crop with bilinear
// interpolation and antialias=True: a triangle filter, as wide as the reduction where the image shrinks, first along
// rows, then along columns. dst and src must not share memory.
func ResizedCrop(dst, src Image, box Box, s *Scratch) {
	s.horizontal.set(box.Width, dst.Width)
	s.vertical.set(box.Height, dst.Height)
	s.between = grow(s.between, box.Height*dst.Width*3)
	between := Image{Height: box.Height, Width: dst.Width, Pix: s.between}
	for y := range box.Height {
		from := src.row(box.Top + y)[box.Left*3 : (box.Left+box.Width)*3]
		resizeRow(between.row(y), from, &s.horizontal)
	}
	for y := range dst.Height {
		row := dst.row(y)
		clear(row)
		first, weights := s.vertical.taps(y)
		for i, weight := range weights {
			addScaled(row, between.row(first+i), weight)
		}
	}
}

func resizeRow(dst, src []float32, a *axis) {
	for x := range len(dst) / 3 {
		first, weights := a.taps(x)
		pixels := src[first*3 : (first+len(weights))*3]
		var red, green, blue float32
		for i, weight := range weights {
			pixel := pixels[i*3 : i*3+3]
			red += weight * pixel[0]
			green += weight * pixel[1]
			blue += weight * pixel[2]
		}
		dst[x*3], dst[x*3+1], dst[x*3+2] = red, green, blue
	}
}

// axis holds, for each position of a resized axis, the positions that it is made of and their weights.
type axis struct {
	from, to int
	stride   int // of weights: the most taps that a position can have
	first    []int
	count    []int
	weights  []float32
}

func (a *axis) taps(i int) (first int, weights []float32) {
	return a.first[i], a.weights[i*a.stride : i*a.stride+a.count[i]]
}

// set computes the weights of PyTorch's _upsample_bilinear2d_aa (UpSampleKernel.cpp, align_corners false).
func (a *axis) set(from, to int) {
	if a.from == from && a.to == to {
		return
	}
	scale := float64(from) / float64(to)
	support := max(scale, 1)
	a.from, a.to = from, to
	a.stride = 2*int(support+1) + 1
	a.first, a.count = grow(a.first, to), grow(a.count, to)
	a.weights = grow(a.weights, to*a.stride)
	for i := range to {
		centre := scale * (float64(i) + 0.5)
		first := max(int(centre-support+0.5), 0)
		last := min(int(centre+support+0.5), from)
		a.first[i], a.count[i] = first, last-first
		_, weights := a.taps(i)
		triangle(weights, (float64(first)-centre+0.5)/support, 1/support)
	}
}

// triangle samples max(0, 1−|x|) at x = start, start+step, … and scales the samples to the sum 1.
func triangle(weights []float32, start, step float64) {
	var total float64
	for i := range weights {
		x := start + float64(i)*step
		weight := max(0, 1-max(x, -x))
		weights[i] = float32(weight)
		total += weight
	}
	for i := range weights {
		weights[i] = float32(float64(weights[i]) / total)
	}
}
