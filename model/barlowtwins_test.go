package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

// naiveBarlowTwins follows L = Σ_i (1−C_ii)² + λ Σ_i Σ_{j≠i} C_ij² with C from the sums over the batch; column i of a
// matrix is one component of the projections.
func naiveBarlowTwins(za, zb [][]float64, lambda float64) float64 {
	centre := func(column []float64) []float64 {
		mean := 0.0
		for _, v := range column {
			mean += v
		}
		mean /= float64(len(column))
		centred := make([]float64, len(column))
		for b, v := range column {
			centred[b] = v - mean
		}
		return centred
	}
	onDiagonal, offDiagonal := 0.0, 0.0
	for i := range za {
		for j := range zb {
			a, b := centre(za[i]), centre(zb[j])
			var ab, aa, bb float64
			for n := range a {
				ab, aa, bb = ab+a[n]*b[n], aa+a[n]*a[n], bb+b[n]*b[n]
			}
			c := ab / (math.Sqrt(aa) * math.Sqrt(bb))
			if i == j {
				onDiagonal += math.Pow(1-c, 2)
			} else {
				offDiagonal += math.Pow(c, 2)
			}
		}
	}
	return onDiagonal + lambda*offDiagonal
}

// barlowTwins is the loss of two leaves with the projections of the two views.
func barlowTwins(t *testing.T, z gorgonia.Nodes, lambda float64) *gorgonia.Node {
	t.Helper()
	c := apply(t, MatMul{TransA: true}, apply(t, Standardize{}, z[0]), apply(t, Standardize{}, z[1]))
	return apply(t, RedundancyReduction{Lambda: lambda}, c)
}

func TestBarlowTwinsEqualsTheFormula(t *testing.T) {
	for _, lambda := range []float64{0, 0.005, 2} {
		z := leaves([]int{5, 3}, []int{5, 3})
		columns := func(n *gorgonia.Node) [][]float64 {
			columns := make([][]float64, 3)
			for k, v := range n.Value().Data().([]float64) {
				columns[k%3] = append(columns[k%3], v)
			}
			return columns
		}
		loss := compute64(t, barlowTwins(t, z, lambda))[0][0]
		require.InDelta(t, naiveBarlowTwins(columns(z[0]), columns(z[1]), lambda), loss, 1e-12)
	}
}

func TestBarlowTwinsGradient(t *testing.T) {
	z := leaves([]int{5, 3}, []int{5, 3})
	checkGradient(t, barlowTwins(t, z, 0.05), z...)
}

func TestRedundancyReductionGradient(t *testing.T) {
	c := leaves([]int{3, 3})
	checkGradient(t, apply(t, RedundancyReduction{Lambda: 0.3}, c...), c...)
}

func TestRedundancyReductionOfTheIdentityIsZero(t *testing.T) {
	c := array[float64]{[]int{2, 2}, []float64{1, 0, 0, 1}}
	loss, err := RedundancyReduction{Lambda: 0.5}.Do(c.value())
	require.NoError(t, err)
	require.Zero(t, loss.Data())
}

func TestRedundancyReductionRefusesShapes(t *testing.T) {
	requireShapeError(t, RedundancyReduction{}, "c has shape (2, 3)", []int{2, 3})
}
