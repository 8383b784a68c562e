package dataset

import (
	"image"
	colour "image/color"
)

// Images are labelled RGB images of one size. They are shared: nobody may change the memory.
type Images struct {
	Height, Width int
	// Pixels is [N, Height, Width, 3], NHWC, each value in [0, 255].
	Pixels []uint8
	// Labels is [N], each an index of Data.Classes.
	Labels []uint8
}

// Len is the number of images.
func (x Images) Len() int { return len(x.Labels) }

// Image returns the pixels of image i, [Height, Width, 3]: a view, not a copy.
func (x Images) Image(i int) []uint8 {
	n := x.bytes()
	return x.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// Picture is image i as Go's packages for images have it.
func (x Images) Picture(i int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, x.Width, x.Height))
	for p, pixels := 0, x.Image(i); p < x.Width*x.Height; p++ {
		m.SetNRGBA(p%x.Width, p/x.Width, colour.NRGBA{R: pixels[3*p], G: pixels[3*p+1], B: pixels[3*p+2], A: 255})
	}
	return m
}

// Head returns the first n images, all of them if n is 0 or more than there are: a view, not a copy.
func (x Images) Head(n int) Images {
	if n <= 0 || n >= x.Len() {
		return x
	}
	x.Pixels, x.Labels = x.Pixels[:n*x.bytes()], x.Labels[:n]
	return x
}

// Slice returns the images from first up to, but not including, last: a view, not a copy.
func (x Images) Slice(first, last int) Images {
	x.Pixels, x.Labels = x.Pixels[first*x.bytes():last*x.bytes()], x.Labels[first:last]
	return x
}

// bytes is the size of one image.
func (x Images) bytes() int { return x.Height * x.Width * 3 }

// pick copies the images with the given indices.
func (x Images) pick(indices []int) Images {
	picked := Images{Height: x.Height, Width: x.Width}
	picked.Pixels = make([]uint8, 0, len(indices)*x.bytes())
	picked.Labels = make([]uint8, 0, len(indices))
	for _, i := range indices {
		picked.Pixels = append(picked.Pixels, x.Image(i)...)
		picked.Labels = append(picked.Labels, x.Labels[i])
	}
	return picked
}

// Data is a whole data set.
type Data struct {
	// Classes are the names of the labels, in label order; without any, all labels are 0 and mean nothing.
	Classes     []string
	Train, Test Images
	// Validation is empty where the validation split is to be taken from Train.
	Validation Images
}
