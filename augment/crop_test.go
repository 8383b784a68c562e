package augment

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// On an image so large that rounding does not count, and with boxes that always fit, area and log ratio are uniform,
// and so is the position among those possible.
func TestRandomCropDistribution(t *testing.T) {
	const side = 100000
	c := experiment.Crop{Scale: [2]float64{0.08, 0.7}, Ratio: [2]float64{3. / 4, 4. / 3}}
	var areas, ratios, tops, lefts []float64
	r := stream(3)
	for range draws {
		b := RandomCrop(c, side, side, r)
		areas = append(areas, float64(b.Height)*float64(b.Width)/(side*side))
		ratios = append(ratios, math.Log(float64(b.Width)/float64(b.Height)))
		tops = append(tops, float64(b.Top)/float64(side-b.Height))
		lefts = append(lefts, float64(b.Left)/float64(side-b.Width))
	}
	requireUniform(t, 0.08, 0.7, areas, "area")
	requireUniform(t, math.Log(3./4), math.Log(4./3), ratios, "log of the aspect ratio")
	requireUniform(t, 0, 1, tops, "top")
	requireUniform(t, 0, 1, lefts, "left")
}

func TestRandomCropStaysInside(t *testing.T) {
	c := experiment.Crop{Scale: [2]float64{0.001, 1}, Ratio: [2]float64{0.1, 10}}
	r := stream(4)
	for _, size := range [][2]int{{32, 32}, {13, 19}, {1, 50}, {50, 1}, {1, 1}} {
		for range 500 {
			b := RandomCrop(c, size[0], size[1], r)
			require.Positive(t, b.Height)
			require.Positive(t, b.Width)
			require.GreaterOrEqual(t, b.Top, 0)
			require.GreaterOrEqual(t, b.Left, 0)
			require.LessOrEqual(t, b.Top+b.Height, size[0])
			require.LessOrEqual(t, b.Left+b.Width, size[1])
		}
	}
}

// All of the area at a ratio that the image does not have never fits, so the central box is taken.
func TestRandomCropFallsBack(t *testing.T) {
	all := [2]float64{1, 1}
	for _, c := range []struct {
		ratio         [2]float64
		height, width int
		want          Box
	}{
		{[2]float64{1, 1.5}, 40, 20, Box{Top: 10, Left: 0, Height: 20, Width: 20}},
		{[2]float64{0.5, 0.8}, 20, 40, Box{Top: 0, Left: 12, Height: 20, Width: 16}},
		{[2]float64{0.1, 0.1}, 1, 1, Box{Top: 0, Left: 0, Height: 1, Width: 1}},
	} {
		got := RandomCrop(experiment.Crop{Scale: all, Ratio: c.ratio}, c.height, c.width, stream(1))
		require.Equal(t, c.want, got)
	}
}
