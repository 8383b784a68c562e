package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// naiveNTXent goes pair by pair over l(i,j) = −log(exp(sim(z_i,z_j)/τ) / Σ_{k≠i} exp(sim(z_i,z_k)/τ)) with the cosine
// similarity of rows of any length, and averages l(a,b) and l(b,a) over the N pairs.
func naiveNTXent(x [][]float64, temperature float64) float64 {
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
	loss := 0.0
	for first := range len(x) / 2 {
		second := first + len(x)/2
		loss += (pair(first, second) + pair(second, first)) / 2
	}
	return loss / float64(len(x)/2)
}

func TestNTXentEqualsTheFormula(t *testing.T) {
	for _, temperature := range []float64{0.07, 0.5, 3} {
		x := leaves([]int{6, 4})[0]
		loss := compute64(t, apply(t, NTXent{Temperature: temperature}, apply(t, L2Normalize{}, x)))[0][0]
		values := x.Value().Data().([]float64)
		var rows [][]float64
		for i := 0; i < len(values); i += 4 {
			rows = append(rows, values[i:i+4])
		}
		require.InDelta(t, naiveNTXent(rows, temperature), loss, 1e-12)
	}
}

func TestNTXentGradient(t *testing.T) {
	for _, temperature := range []float64{0.1, 0.5} {
		z := leaves([]int{6, 4})
		checkGradient(t, apply(t, NTXent{Temperature: temperature}, z...), z...)
	}
}

func TestNTXentGradientThroughNormalisation(t *testing.T) {
	x := leaves([]int{6, 4})
	checkGradient(t, apply(t, NTXent{Temperature: 0.2}, apply(t, L2Normalize{}, x...)), x...)
}

// With all views alike each of the 2N−1 candidates is as likely as the positive one.
func TestNTXentOfACollapsedBatch(t *testing.T) {
	z := array[float64]{[]int{6, 1}, []float64{1, 1, 1, 1, 1, 1}}
	loss, err := NTXent{Temperature: 0.5}.Do(z.value())
	require.NoError(t, err)
	require.InDelta(t, math.Log(5), loss.Data(), 1e-12)
}

func TestNTXentAtATinyTemperatureIsFinite(t *testing.T) {
	z := array[float32]{[]int{4, 2}, []float32{1, 0, 0, 1, 0, 1, 1, 0}} // the positives are orthogonal, the negatives alike
	loss, err := NTXent{Temperature: 1e-3}.Do(z.value())
	require.NoError(t, err)
	require.InDelta(t, 1000, loss.Data(), 1)
}

func TestNTXentRefusesBadInput(t *testing.T) {
	requireShapeError(t, NTXent{Temperature: 0.5}, "even number", []int{5, 3})
	requireShapeError(t, NTXent{Temperature: 0.5}, "at least 4", []int{2, 3})
	requireShapeError(t, NTXent{Temperature: 0.5}, "even number", []int{1, 3})
	requireShapeError(t, NTXent{}, "temperature is 0", []int{4, 3})
	requireShapeError(t, NTXent{Temperature: math.NaN()}, "temperature is NaN", []int{4, 3})
	requireShapeError(t, NTXent{Temperature: math.Inf(1)}, "temperature is +Inf", []int{4, 3})
}
