package activities

import (
	"fmt"
	"image"
	"image/color"

	"twinview/augment"
	"twinview/dataset"
	"twinview/experiment"
)

// exampleImages is the number of images whose views the report shows.
const exampleImages = 6

// examples draws the first two views of the first training images as pretraining saw them in its first epoch.
func examples(spec *experiment.Spec, images dataset.Images) ([][2]image.Image, error) {
	distributions := [2]experiment.View{spec.Augment.FirstView, spec.Augment.FirstView}
	if spec.Augment.SecondView != nil {
		distributions[1] = *spec.Augment.SecondView
	}
	size := experiment.ViewSize(spec.Pretrain.ProgressiveResizing, 0, spec.Augment.Size)
	pairs := make([][2]image.Image, min(exampleImages, images.Len()))
	for v, distribution := range distributions {
		transform, err := augment.New(distribution, size)
		if err != nil {
			return nil, fmt.Errorf("draw example views: %w", err)
		}
		pixels := make([]float32, size*size*3)
		for i := range pairs {
			random := dataset.Stream(spec.Seed, dataset.PretrainView, 0, i, v)
			transform.Apply(pixels, images.Image(i), images.Height, images.Width, random)
			pairs[i][v] = picture(pixels, size, distribution.Normalize)
		}
	}
	return pairs, nil
}

// picture undoes the normalisation of a view, pixels [size, size, 3], for people to look at.
func picture(pixels []float32, size int, n experiment.Normalize) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, size, size))
	for p := range size * size {
		var rgb [3]uint8
		for c := range rgb {
			value := float64(pixels[3*p+c])*n.Std[c] + n.Mean[c]
			rgb[c] = uint8(255*min(1, max(0, value)) + 0.5)
		}
		m.SetNRGBA(p%size, p/size, color.NRGBA{R: rgb[0], G: rgb[1], B: rgb[2], A: 255})
	}
	return forShow(m)
}
