package model

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

func init() {
	losses[experiment.BarlowTwins] = loss{
		check: func(m experiment.Method) error {
			if !(m.Lambda >= 0) || math.IsInf(m.Lambda, 1) {
				return fmt.Errorf("method.lambda is %v, want a number of at least 0", m.Lambda)
			}
			return nil
		},
		build: func(b *builder, m experiment.Method, o Options) {
			first := b.apply(Standardize{}, b.apply(Rows{From: 0, To: o.Batch / 2}, b.network.Projection))
			second := b.apply(Standardize{}, b.apply(Rows{From: o.Batch / 2, To: o.Batch}, b.network.Projection))
			b.network.Loss = b.apply(RedundancyReduction{Lambda: m.Lambda}, first, second)
		},
	}
}

// RedundancyReduction is the loss of Barlow Twins (Zbontar et al. 2021, eq. 1) on the two views' projections, each column centred
// and of unit length as Standardize leaves it: (a [N, D], b [N, D]) → scalar. With C = aᵀ·b the cross-correlation matrix of
// their columns (eq. 2),
//
//	L = Σ_i (1 − C_ii)² + λ Σ_i Σ_{j≠i} C_ij²
//
// C, which is [D, D], need not exist. Its squares are what the inner products of rows give (Garrido et al. 2022, the duality of
// contrastive and non-contrastive learning), and so
//
//	Σ_ij C_ij² = ‖aᵀ·b‖² = Σ_rs (a·aᵀ)_rs · (b·bᵀ)_rs
//	L = Σ_i (1 − C_ii)² + λ (Σ_rs (a·aᵀ)_rs · (b·bᵀ)_rs − Σ_i C_ii²)
//
// which costs N²·D in place of N·D², and N is the smaller by far. Here it is computed by its definition.
type RedundancyReduction struct {
	pure
	// Lambda is λ, the weight of the off-diagonal terms.
	Lambda float64
}

// Arity implements gorgonia.Op.
func (op RedundancyReduction) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op RedundancyReduction) Type() hm.Type { return signature(2, 2, 0) }

// String implements gorgonia.Op.
func (op RedundancyReduction) String() string {
	return fmt.Sprintf("RedundancyReduction{Lambda: %v}", op.Lambda)
}

// WriteHash implements gorgonia.Op.
func (op RedundancyReduction) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op RedundancyReduction) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op RedundancyReduction) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 2)
	if err != nil {
		return nil, err
	}
	return tensor.ScalarShape(), wantShape("b", shapes[1], shapes[0]...)
}

// Do implements gorgonia.Op.
func (op RedundancyReduction) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, redundancyReduction[float32], redundancyReduction[float64])
}

func redundancyReduction[T float](op RedundancyReduction, loss array[T], in []array[T]) {
	a, b := in[0], in[1]
	sum := 0.0
	for i := range a.shape[1] {
		for j := range a.shape[1] {
			c := correlationOf(a, b, i, j)
			if i == j {
				sum += (1 - c) * (1 - c)
				continue
			}
			sum += op.Lambda * c * c
		}
	}
	loss.data[0] = T(sum)
}

// correlationOf is C_ij, of column i of a and column j of b.
func correlationOf[T float](a, b array[T], i, j int) float64 {
	sum := 0.0
	for r := range a.shape[0] {
		sum += a.at(r, i, false) * b.at(r, j, false)
	}
	return sum
}

// DiffWRT implements gorgonia.SDOp.
func (op RedundancyReduction) DiffWRT(int) []bool { return []bool{true, true} }

// SymDiff implements gorgonia.SDOp.
func (op RedundancyReduction) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	a, b := inputs[0], inputs[1]
	da, err := gorgonia.ApplyOp(RedundancyReductionGrad{Lambda: op.Lambda}, a, b, grad)
	if err != nil {
		return nil, err
	}
	db, err := gorgonia.ApplyOp(RedundancyReductionGrad{Lambda: op.Lambda}, b, a, grad)
	return gorgonia.Nodes{da, db}, err
}

// RedundancyReductionGrad is the gradient of RedundancyReduction by its first input: (a [N, D], b [N, D], dloss scalar) → da
// [N, D]. With a and b exchanged, which transposes C, it is that by the second.
//
//	da = b·dCᵀ, dC_ii = 2·dloss·(C_ii − 1), dC_ij = 2·dloss·λ·C_ij
//	   = 2·dloss·(λ·b·bᵀ·a + b·diag((1 − λ)·C_ii − 1))
type RedundancyReductionGrad struct {
	pure
	Lambda float64
}

// Arity implements gorgonia.Op.
func (op RedundancyReductionGrad) Arity() int { return 3 }

// Type implements gorgonia.Op.
func (op RedundancyReductionGrad) Type() hm.Type { return signature(2, 2, 0, 2) }

// String implements gorgonia.Op.
func (op RedundancyReductionGrad) String() string {
	return fmt.Sprintf("RedundancyReductionGrad{Lambda: %v}", op.Lambda)
}

// WriteHash implements gorgonia.Op.
func (op RedundancyReductionGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op RedundancyReductionGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op RedundancyReductionGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 2, 0)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("b", shapes[1], shapes[0]...)
}

// Do implements gorgonia.Op.
func (op RedundancyReductionGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, redundancyReductionGrad[float32], redundancyReductionGrad[float64])
}

func redundancyReductionGrad[T float](op RedundancyReductionGrad, da array[T], in []array[T]) {
	a, b, dloss := in[0], in[1], float64(in[2].data[0])
	rows, width := a.shape[0], a.shape[1]
	sums := make([]float64, len(a.data))
	for i := range width {
		for j := range width {
			dc := 2 * dloss * op.Lambda * correlationOf(a, b, i, j)
			if i == j {
				dc = 2 * dloss * (correlationOf(a, b, i, i) - 1)
			}
			for r := range rows {
				sums[r*width+i] += dc * b.at(r, j, false)
			}
		}
	}
	store(da.data, sums)
}
