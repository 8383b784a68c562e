package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The first four are of Newcombe 1998 (Statistics in Medicine 17, table I, method 3); the fifth mirrors the third; the last
// is near enough to the normal approximation, 0.5 ± 1.96·√(0.25/n).
func TestWilson(t *testing.T) {
	for _, test := range []struct {
		hits, n   int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
		{20, 20, 0.8389, 1},
		{5000, 10000, 0.4902, 0.5098},
	} {
		got := Wilson(float64(test.hits)/float64(test.n), test.n)
		require.InDelta(t, test.low, got.Low, 5e-5, "%d of %d", test.hits, test.n)
		require.InDelta(t, test.high, got.High, 5e-5, "%d of %d", test.hits, test.n)
		require.GreaterOrEqual(t, got.Low, 0.)
		require.LessOrEqual(t, got.High, 1.)
	}
	require.Equal(t, Interval{0, 1}, Wilson(0, 0), "nothing was measured")
}
