package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
)

func labels(ticks []plot.Tick) string {
	var all []string
	for _, t := range ticks {
		all = append(all, t.Label)
	}
	return strings.Join(all, " ")
}

func TestEpochTicksAreWholeNumbers(t *testing.T) {
	for epochs, want := range map[int]string{
		1: "1", 2: "1 2", 4: "1 2 3 4", 10: "1 2 4 6 8 10", 30: "1 5 10 15 20 25 30", 100: "1 20 40 60 80 100",
		1000: "1 200 400 600 800 1000",
	} {
		low, high := epochRange(epochs)
		require.Equal(t, want, labels(epochTicks(low, high)))
	}
}

func TestValueTicks(t *testing.T) {
	for want, bounds := range map[string][2]float64{
		"4.5 5.0 5.5 6.0":                         {4.4, 6.4},
		"40 50 60":                                {34, 68},
		"0.0 0.5 1.0 1.5 2.0":                     {0, 2.2},
		"0.00 0.01 0.02 0.03":                     {-0.0001, 0.03},
		"1.0e-05 1.5e-05 2.0e-05 2.5e-05 3.0e-05": {0.9e-5, 3e-5},
		"0 1000 2000 3000":                        {0, 3200},
		"99.96 99.97 99.98 99.99 100.00":          {99.955, 100},
		"0.0020 0.0025 0.0030 0.0035 0.0040":      {0.002, 0.004},
	} {
		require.Equal(t, want, labels(valueTicks(bounds[0], bounds[1])))
	}
}
