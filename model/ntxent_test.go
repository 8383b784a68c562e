package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// naiveNTXent goes pair by pair over l(i,j) = −log(exp(sim(z_i,z_j)/τ) / Σ_{k≠i} exp(sim(z_i,z_k)/τ)) with the cosine
// similarity of rows of any length, and averages it over all ordered pairs of views of one image.
func naiveNTXent(x [][]float64, views int, temperature float64) float64 {
	cosine := func(a, b []float64) float64 {
		var ab, aa, bb float64
		for d := range a {
			ab, aa, bb = ab+a[d]*b[d], aa+a[d]*a[d], bb+b[d]*b[d]
		}
		return ab / math.Sqrt(aa*bb)
	}
	pair := func(i, j int) float64 {
		negatives := 0.0
		for k := range x {
			if k != i {
				negatives += math.Exp(cosine(x[i], x[k]) / temperature)
			}
		}
		return -math.Log(math.Exp(cosine(x[i], x[j])/temperature) / negatives)
	}
	loss, pairs := 0.0, 0
	for i := range x {
		for j := range x {
			if i != j && (i-j)%(len(x)/views) == 0 {
				loss += pair(i, j)
				pairs++
			}
		}
	}
	return loss / float64(pairs)
}

func TestNTXentEqualsTheFormula(t *testing.T) {
	for _, views := range []int{2, 3, 6} {
		for _, temperature := range []float64{0.07, 0.5, 3} {
			x := leaves([]int{12, 4})[0]
			loss := compute64(t, apply(t, NTXent{Temperature: temperature, Views: views}, apply(t, L2Normalize{}, x)))[0][0]
			values := x.Value().Data().([]float64)
			var rows [][]float64
			for i := 0; i < len(values); i += 4 {
				rows = append(rows, values[i:i+4])
			}
			require.InDelta(t, naiveNTXent(rows, views, temperature), loss, 1e-12, "%d views, τ = %v", views, temperature)
		}
	}
}

func TestNTXentGradient(t *testing.T) {
	for _, views := range []int{2, 3} {
		for _, temperature := range []float64{0.1, 0.5} {
			z := leaves([]int{6, 4})
			checkGradient(t, apply(t, NTXent{Temperature: temperature, Views: views}, z...), z...)
		}
	}
}

func TestNTXentGradientThroughNormalisation(t *testing.T) {
	x := leaves([]int{6, 4})
	checkGradient(t, apply(t, NTXent{Temperature: 0.2, Views: 2}, apply(t, L2Normalize{}, x...)), x...)
}

// With all views alike each of the VN−1 candidates is as likely as a positive one.
func TestNTXentOfACollapsedBatch(t *testing.T) {
	z := array[float64]{[]int{6, 1}, []float64{1, 1, 1, 1, 1, 1}}
	for _, views := range []int{2, 3} {
		loss, err := NTXent{Temperature: 0.5, Views: views}.Do(z.value())
		require.NoError(t, err)
		require.InDelta(t, math.Log(5), loss.Data(), 1e-12)
	}
}

func TestNTXentAtATinyTemperatureIsFinite(t *testing.T) {
	z := array[float32]{[]int{4, 2}, []float32{1, 0, 0, 1, 0, 1, 1, 0}} // the positives are orthogonal, the negatives alike
	loss, err := NTXent{Temperature: 1e-3, Views: 2}.Do(z.value())
	require.NoError(t, err)
	require.InDelta(t, 1000, loss.Data(), 1)
}

func TestNTXentRefusesBadInput(t *testing.T) {
	requireShapeError(t, NTXent{Temperature: 0.5, Views: 2}, "multiple of 2", []int{5, 3})
	requireShapeError(t, NTXent{Temperature: 0.5, Views: 2}, "at least 4", []int{2, 3})
	requireShapeError(t, NTXent{Temperature: 0.5, Views: 2}, "multiple of 2", []int{1, 3})
	requireShapeError(t, NTXent{Temperature: 0.5, Views: 3}, "multiple of 3", []int{8, 3})
	requireShapeError(t, NTXent{Temperature: 0.5, Views: 3}, "at least 6", []int{3, 3})
	requireShapeError(t, NTXent{Temperature: 0.5, Views: 1}, "1 views an image, want at least 2", []int{4, 3})
	requireShapeError(t, NTXent{}, "temperature is 0", []int{4, 3})
	requireShapeError(t, NTXent{Temperature: math.NaN()}, "temperature is NaN", []int{4, 3})
	requireShapeError(t, NTXent{Temperature: math.Inf(1)}, "temperature is +Inf", []int{4, 3})
}
