package main

import "strings"

// bars are the heights of a sparkline.
var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws values between their extremes in at most so many columns, each the mean of those that it stands for.
func sparkline(values []float64, columns int) string {
	if len(values) == 0 || columns < 1 {
		return ""
	}
	values = thin(values, columns)
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	var line strings.Builder
	for _, v := range values {
		height := len(bars) / 2
		if high > low {
			height = int((v - low) / (high - low) * float64(len(bars)-1))
		}
		line.WriteRune(bars[height])
	}
	return line.String()
}

// thin makes at most n values of many, each the mean of its neighbours.
func thin(values []float64, n int) []float64 {
	if len(values) <= n {
		return values
	}
	means := make([]float64, n)
	for i := range means {
		from, to := i*len(values)/n, (i+1)*len(values)/n
		for _, v := range values[from:to] {
			means[i] += v / float64(to-from)
		}
	}
	return means
}
