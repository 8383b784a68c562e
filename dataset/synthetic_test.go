package dataset

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDrawSyntheticIsPure(t *testing.T) {
	a, b := DrawSynthetic(5, 40, 20), DrawSynthetic(5, 80, 20)
	require.Equal(t, a.Train, b.Train.Head(40))
	require.Equal(t, a.Test, b.Test)
	require.NotEqual(t, a.Train.Image(0), DrawSynthetic(6, 1, 1).Train.Image(0))
	require.NotEqual(t, a.Train.Image(0), a.Test.Image(0))
	require.Len(t, a.Classes, 10)
}

// TestSyntheticNeedsARepresentation: the nearest mean image tells the classes hardly better than chance, and the mean
// colour not at all.
func TestSyntheticNeedsARepresentation(t *testing.T) {
	data := DrawSynthetic(1, 2000, 500)
	pixels := nearestMean(data, func(image []uint8) []float64 {
		features := make([]float64, len(image))
		for i, v := range image {
			features[i] = float64(v)
		}
		return features
	})
	colors := nearestMean(data, func(image []uint8) []float64 {
		mean := make([]float64, 3)
		for i, v := range image {
			mean[i%3] += float64(v)
		}
		return mean
	})
	t.Logf("nearest mean image %.3f, nearest mean colour %.3f", pixels, colors)
	require.Less(t, pixels, 0.3)
	require.Less(t, colors, 0.2)
}

// TestSyntheticHasClasses: how much of an image is edge, whatever its colours, tells something about the figure, so there
// is something to learn.
func TestSyntheticHasClasses(t *testing.T) {
	edges := nearestMean(DrawSynthetic(1, 1000, 500), func(image []uint8) []float64 {
		var edges float64
		for i := 3 * syntheticSize; i < len(image); i += 3 {
			if change(image, i, i-3) > 150 || change(image, i, i-3*syntheticSize) > 150 {
				edges++
			}
		}
		return []float64{edges}
	})
	t.Logf("nearest mean number of edges %.3f", edges)
	require.Greater(t, edges, 0.14, "chance is 0.1, with a standard deviation of 0.013")
}

// change is the difference of two pixels, summed over the channels.
func change(image []uint8, i, j int) (sum int) {
	for c := range 3 {
		a, b := int(image[i+c]), int(image[j+c])
		sum += max(a, b) - min(a, b)
	}
	return sum
}

func nearestMean(data *Data, features func([]uint8) []float64) float64 {
	means := make([][]float64, len(data.Classes))
	for i, label := range data.Train.Labels {
		for j, v := range features(data.Train.Image(i)) {
			if means[label] == nil {
				means[label] = make([]float64, len(features(data.Train.Image(i))))
			}
			means[label][j] += v / float64(data.Train.Len()/len(data.Classes))
		}
	}
	right := 0
	for i, label := range data.Test.Labels {
		best, least := 0, 0.0
		for class, mean := range means {
			distance := 0.0
			for j, v := range features(data.Test.Image(i)) {
				distance += (v - mean[j]) * (v - mean[j])
			}
			if class == 0 || distance < least {
				best, least = class, distance
			}
		}
		if best == int(label) {
			right++
		}
	}
	return float64(right) / float64(data.Test.Len())
}
