package dataset

import (
	"math"
	"slices"

	"twinview/experiment"
)

// Statistics are the mean and standard deviation of each channel, on values in [0, 1], to four decimals as they are published
// for the known data sets. The sums are whole numbers, so the same images give the same statistics everywhere.
func (x Images) Statistics() experiment.Normalize {
	var sum, squares [3]uint64
	for i, value := range x.Pixels {
		sum[i%3] += uint64(value)
		squares[i%3] += uint64(value) * uint64(value)
	}
	var n experiment.Normalize
	count := float64(max(1, len(x.Pixels)/3))
	for c := range sum {
		mean := float64(sum[c]) / count
		variance := max(0, float64(squares[c])/count-mean*mean)
		n.Mean[c] = fourDecimals(mean / 255)
		// Images of one colour have no deviation to divide by.
		n.Std[c] = max(0.001, fourDecimals(math.Sqrt(variance)/255))
	}
	return n
}

func fourDecimals(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// MostFrequent is the share of images in the class that has most of them, 0 where all have as many.
func (x Images) MostFrequent(classes int) float64 {
	if classes == 0 || x.Len() == 0 {
		return 0
	}
	of := make([]int, classes)
	for _, label := range x.Labels {
		of[label]++
	}
	most := slices.Max(of)
	if most == slices.Min(of) {
		return 0
	}
	return float64(most) / float64(x.Len())
}
