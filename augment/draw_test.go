package augment

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

const draws = 20000

func drawMany(t *testing.T, v experiment.View) []Drawn {
	t.Helper()
	transform, r := newTransform(t, v, 32), stream(5)
	all := make([]Drawn, draws)
	for i := range all {
		all[i] = transform.Draw(32, 32, r)
	}
	return all
}

// requireRate allows five standard deviations of a binomial's share.
func requireRate(t *testing.T, want float64, hits, n int, what string) {
	t.Helper()
	require.InDelta(t, want, float64(hits)/float64(n), 5*math.Sqrt(want*(1-want)/float64(n))+1e-9, what)
}

func count(all []Drawn, is func(Drawn) bool) (n int) {
	for _, d := range all {
		if is(d) {
			n++
		}
	}
	return n
}

func TestProbabilities(t *testing.T) {
	all := drawMany(t, testView())
	requireRate(t, 0.5, count(all, func(d Drawn) bool { return d.Flip }), draws, "flip")
	requireRate(t, 0.8, count(all, func(d Drawn) bool { return d.Jitter }), draws, "jitter")
	requireRate(t, 0.2, count(all, func(d Drawn) bool { return d.Grayscale }), draws, "grayscale")
	requireRate(t, 0.6, count(all, func(d Drawn) bool { return d.Blur }), draws, "blur")
	requireRate(t, 0.3, count(all, func(d Drawn) bool { return d.Solarize }), draws, "solarize")
}

func TestProbabilitiesAreIndependent(t *testing.T) {
	all := drawMany(t, testView())
	requireRate(t, 0.5*0.8, count(all, func(d Drawn) bool { return d.Flip && d.Jitter }), draws, "flip and jitter")
	requireRate(t, 0.8*0.2, count(all, func(d Drawn) bool { return d.Jitter && d.Grayscale }), draws, "jitter and grayscale")
	requireRate(t, 0.6*0.3, count(all, func(d Drawn) bool { return d.Blur && d.Solarize }), draws, "blur and solarize")
}

// requireUniform is a Kolmogorov–Smirnov test against the uniform distribution on [low, high], at significance 1e-4.
func requireUniform(t *testing.T, low, high float64, values []float64, what string) {
	t.Helper()
	slices.Sort(values)
	n := float64(len(values))
	var distance float64
	for i, v := range values {
		p := (v - low) / (high - low)
		distance = max(distance, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
	}
	require.Less(t, distance, 2.23/math.Sqrt(n), what)
}

func values(all []Drawn, of func(Drawn) float64) []float64 {
	v := make([]float64, len(all))
	for i, d := range all {
		v[i] = of(d)
	}
	return v
}

func TestAmountsAreUniform(t *testing.T) {
	all := drawMany(t, testView())
	requireUniform(t, 0.6, 1.4, values(all, func(d Drawn) float64 { return float64(d.JitterBy.Brightness) }), "brightness")
	requireUniform(t, 0.6, 1.4, values(all, func(d Drawn) float64 { return float64(d.JitterBy.Contrast) }), "contrast")
	requireUniform(t, 0.8, 1.2, values(all, func(d Drawn) float64 { return float64(d.JitterBy.Saturation) }), "saturation")
	requireUniform(t, -0.1, 0.1, values(all, func(d Drawn) float64 { return float64(d.JitterBy.Hue) }), "hue")
	requireUniform(t, 0.1, 2, values(all, func(d Drawn) float64 { return d.Sigma }), "sigma")
}

// A strength above 1 must not give a negative factor.
func TestStrongJitter(t *testing.T) {
	view := testView()
	view.Jitter.Brightness = 3
	all := drawMany(t, view)
	requireUniform(t, 0, 4, values(all, func(d Drawn) float64 { return float64(d.JitterBy.Brightness) }), "brightness")
}

func TestJitterOrdersAreEquallyLikely(t *testing.T) {
	counts := map[[4]Change]int{}
	for _, d := range drawMany(t, testView()) {
		counts[d.JitterBy.Order]++
	}
	require.Len(t, counts, 24)
	for order, n := range counts {
		require.InDelta(t, draws/24., n, 5*math.Sqrt(draws/24.), "order %v", order)
	}
}

// Changing one probability or strength must leave all other draws as they are.
func TestDrawsDoNotDependOnSettings(t *testing.T) {
	changed := testView()
	changed.Jitter.Probability, changed.Jitter.Hue, changed.Blur.Probability, changed.Flip = 0, 0, 0, 0
	a, b := newTransform(t, testView(), 32), newTransform(t, changed, 32)
	for seed := range uint64(200) {
		want, got := a.Draw(32, 32, stream(seed)), b.Draw(32, 32, stream(seed))
		want.Flip, want.Jitter, want.Blur, want.JitterBy.Hue, got.JitterBy.Hue = false, false, false, 0, 0
		require.Equal(t, want, got)
	}
}

// The two views of one image come from two streams; their draws must not be correlated.
func TestTwoViewsAreIndependent(t *testing.T) {
	transform := newTransform(t, testView(), 32)
	first, second := make([]Drawn, draws), make([]Drawn, draws)
	one, two := stream(10), stream(11)
	both := 0
	for i := range first {
		first[i], second[i] = transform.Draw(32, 32, one), transform.Draw(32, 32, two)
		if first[i].Flip && second[i].Flip {
			both++
		}
	}
	requireRate(t, 0.25, both, draws, "both flipped")
	for what, of := range map[string]func(Drawn) float64{
		"brightness": func(d Drawn) float64 { return float64(d.JitterBy.Brightness) },
		"area":       func(d Drawn) float64 { return float64(d.Box.Height * d.Box.Width) },
		"left":       func(d Drawn) float64 { return float64(d.Box.Left) },
	} {
		require.Less(t, math.Abs(correlation(values(first, of), values(second, of))), 5/math.Sqrt(draws), what)
	}
}

func correlation(x, y []float64) float64 {
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, syy, sxy = sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}
