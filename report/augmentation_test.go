package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestResizing(t *testing.T) {
	require.Empty(t, resizing(nil))
	require.Equal(t, "; 16 × 16 pixels in epochs 1 to 10; 24 × 24 pixels in epochs 11 to 15",
		resizing([]experiment.ResizingPhase{{Epochs: 10, Size: 16}, {Epochs: 5, Size: 24}}))
}

func TestTransforms(t *testing.T) {
	second := experiment.DefaultFor(experiment.BarlowTwins).Augment.SecondView
	table := transforms(32, []experiment.View{experiment.Default().Augment.FirstView, *second})
	settings := map[string][]string{}
	for _, row := range table {
		require.NotEmpty(t, row.Meaning)
		settings[row.Name] = row.Settings
	}
	require.Equal(t, map[string][]string{
		"Random resized crop": {
			"area 0.08 to 1 of the image, aspect ratio 0.75 to 1.33", "area 0.08 to 1 of the image, aspect ratio 0.75 to 1.33",
		},
		"Horizontal flip": {"in 50 % of images", "in 50 % of images"},
		"Colour jitter": {
			"in 80 % of images, brightness ±0.4, contrast ±0.4, saturation ±0.4, hue ±0.1 of a turn",
			"in 80 % of images, brightness ±0.4, contrast ±0.4, saturation ±0.2, hue ±0.1 of a turn",
		},
		"Grayscale":     {"in 20 % of images", "in 20 % of images"},
		"Gaussian blur": {"not used", "in 10 % of images, kernel 3 × 3, σ 0.1 to 2"},
		"Solarise":      {"not used", "in 20 % of images, from 0.5"},
		"Normalise": {
			"mean (0.4914, 0.4822, 0.4465), deviation (0.247, 0.2435, 0.2616)",
			"mean (0.4914, 0.4822, 0.4465), deviation (0.247, 0.2435, 0.2616)",
		},
	}, settings)
}
