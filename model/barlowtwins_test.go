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
	return apply(t, RedundancyReduction{Lambda: lambda}, apply(t, Standardize{}, z[0]), apply(t, Standardize{}, z[1]))
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
	for _, shape := range [][]int{{2, 5}, {4, 4}, {5, 3}, {3, 1}} {
		z := leaves(shape, shape)
		checkGradient(t, apply(t, RedundancyReduction{Lambda: 0.3}, z...), z...)
	}
}

// An input that stands on both sides has both gradients.
func TestRedundancyReductionGradientOfOneInput(t *testing.T) {
	z := leaves([]int{4, 3})
	checkGradient(t, apply(t, RedundancyReduction{Lambda: 0.3}, z[0], z[0]), z...)
}

func TestRedundancyReductionOfTheIdentityIsZero(t *testing.T) {
	a := array[float64]{[]int{3, 2}, []float64{1, 0, 0, 0.5, 0, 0.5}}
	b := array[float64]{[]int{3, 2}, []float64{1, 0, 0, 1, 0, 1}}
	loss, err := RedundancyReduction{Lambda: 0.5}.Do(a.value(), b.value())
	require.NoError(t, err)
	require.Zero(t, loss.Data())
}

// Engines compute what the inner products of rows give, which is the same.
func TestRedundancyReductionByInnerProducts(t *testing.T) {
	const lambda, rows, width = 0.3, 4, 7
	z := leaves([]int{rows, width}, []int{rows, width})
	loss := apply(t, RedundancyReduction{Lambda: lambda}, z...)
	grads, err := gorgonia.Grad(loss, z[0])
	require.NoError(t, err)
	values := compute64(t, loss, grads[0], apply(t, MatMul{TransB: true}, z[0], z[0]), apply(t, MatMul{TransB: true}, z[1], z[1]))
	a, b := z[0].Value().Data().([]float64), z[1].Value().Data().([]float64)
	ofA, ofB := values[2], values[3]

	want := 0.
	for k := range ofA {
		want += lambda * ofA[k] * ofB[k]
	}
	for i := range width {
		c := 0.
		for r := range rows {
			c += a[r*width+i] * b[r*width+i]
		}
		want += (1-c)*(1-c) - lambda*c*c
		for r := range rows {
			da := b[r*width+i] * ((1-lambda)*c - 1)
			for s := range rows {
				da += lambda * ofB[r*rows+s] * a[s*width+i]
			}
			require.InDelta(t, 2*da, values[1][r*width+i], 1e-12)
		}
	}
	require.InDelta(t, want, values[0][0], 1e-12)
}

func TestRedundancyReductionRefusesShapes(t *testing.T) {
	requireShapeError(t, RedundancyReduction{}, "b has shape (4, 3), want (4, 2)", []int{4, 2}, []int{4, 3})
	requireShapeError(t, RedundancyReductionGrad{}, "b has shape (3, 2), want (4, 2)", []int{4, 2}, []int{3, 2}, []int{})
}
