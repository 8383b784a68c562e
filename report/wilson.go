package report

import "math"

// z95 is the 0.975 quantile of the standard normal distribution.
const z95 = 1.959963984540054

// Interval is a confidence interval of a fraction.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Wilson is the 95 % score interval of a fraction measured on n independent images (Wilson 1927, without continuity
// correction). It says how far a repetition on other images might differ, not on another seed. n of 0 gives [0, 1].
func Wilson(fraction float64, n int) Interval {
	if n <= 0 {
		return Interval{0, 1}
	}
	size := float64(n)
	scale := 1 / (1 + z95*z95/size)
	centre := scale * (fraction + z95*z95/(2*size))
	half := scale * z95 * math.Sqrt(fraction*(1-fraction)/size+z95*z95/(4*size*size))
	return Interval{max(0, centre-half), min(1, centre+half)}
}
