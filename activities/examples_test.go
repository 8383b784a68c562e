package activities

import (
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
)

func TestExamplesShowBothViewsInTheirColours(t *testing.T) {
	spec := tinySpec()
	spec.Augment.FirstView.Jitter.Probability = 0
	spec.Augment.FirstView.Grayscale = 0
	second := spec.Augment.FirstView
	second.Grayscale = 1
	spec.Augment.SecondView = &second
	images := dataset.Images{Height: 8, Width: 8, Labels: []uint8{0}}
	for range 64 {
		images.Pixels = append(images.Pixels, 200, 100, 0)
	}
	pairs, err := examples(&spec, images)
	require.NoError(t, err)
	require.Len(t, pairs, 1, "no more than there are images")
	require.Equal(t, color.NRGBA{R: 200, G: 100, B: 0, A: 255}, pairs[0][0].At(3, 3))
	r, g, b, _ := pairs[0][1].At(3, 3).RGBA()
	require.Equal(t, []uint32{r, r}, []uint32{g, b}, "the second view is grey")
}
