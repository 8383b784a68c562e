package report

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// epochTicks are whole numbers: the first epoch and multiples of a round step.
func epochTicks(low, high float64) []plot.Tick {
	step := max(1, roundStep(high-low, 8))
	var ticks []plot.Tick
	first := math.Ceil(low)
	ticks = append(ticks, plot.Tick{Value: first, Label: strconv.FormatFloat(first, 'f', 0, 64)})
	for v := math.Floor(first/step)*step + step; v <= high; v += step {
		// A label right beside the first would touch it.
		if v-first >= step/2 {
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', 0, 64)})
		}
	}
	return ticks
}

// valueTicks are multiples of a round step, with as many decimals as the step has.
func valueTicks(low, high float64) []plot.Tick {
	step := roundStep(high-low, 6)
	format, decimals := byte('f'), int(max(0, math.Ceil(-math.Log10(step)-1e-9)))
	if step < 1e-4 {
		format, decimals = 'e', 1
	}
	var ticks []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		// Adding 0 turns -0, which has a label of its own, into 0.
		v := i*step + 0
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, format, decimals, 64)})
	}
	return ticks
}

// roundStep is the smallest of 1, 2 and 5 times a power of ten that divides the span into at most n steps.
func roundStep(span float64, n int) float64 {
	if span <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, m := range []float64{1, 2, 5} {
		if span/(m*power) <= float64(n) {
			return m * power
		}
	}
	return 10 * power
}
