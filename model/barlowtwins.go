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
			correlation := b.apply(MatMul{TransA: true}, first, second)
			b.network.Loss = b.apply(RedundancyReduction{Lambda: m.Lambda}, correlation)
		},
	}
}

// RedundancyReduction is the loss of Barlow Twins (Zbontar et al. 2021, eq. 1) on the cross-correlation matrix of the two
// views' projections: (c [D, D]) → scalar,
//
//	L = Σ_i (1 − C_ii)² + λ Σ_i Σ_{j≠i} C_ij²
//
// where C_ij = Σ_b zᴬ_bi·zᴮ_bj / (√Σ_b (zᴬ_bi)² · √Σ_b (zᴮ_bj)²) (eq. 2), with z centred over the batch, is the product of
// Standardize(zᴬ), transposed, and Standardize(zᴮ).
type RedundancyReduction struct {
	pure
	// Lambda is λ, the weight of the off-diagonal terms.
	Lambda float64
}

// Arity implements gorgonia.Op.
func (op RedundancyReduction) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op RedundancyReduction) Type() hm.Type { return signature(2, 0) }

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
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	return tensor.ScalarShape(), wantShape("c", shapes[0], shapes[0][0], shapes[0][0])
}

// Do implements gorgonia.Op.
func (op RedundancyReduction) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, redundancyReduction[float32], redundancyReduction[float64])
}

func redundancyReduction[T float](op RedundancyReduction, loss array[T], in []array[T]) {
	c := in[0]
	sum := 0.0
	for i := range c.shape[0] {
		for j := range c.shape[1] {
			v := c.at(i, j, false)
			if i == j {
				sum += (1 - v) * (1 - v)
				continue
			}
			sum += op.Lambda * v * v
		}
	}
	loss.data[0] = T(sum)
}

// DiffWRT implements gorgonia.SDOp.
func (op RedundancyReduction) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op RedundancyReduction) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dc, err := gorgonia.ApplyOp(RedundancyReductionGrad{Lambda: op.Lambda}, inputs[0], grad)
	return gorgonia.Nodes{dc}, err
}

// RedundancyReductionGrad is the gradient of RedundancyReduction: (c [D, D], dloss scalar) → dc [D, D],
// dloss·2·(C_ii − 1) on the diagonal and dloss·2·λ·C_ij elsewhere.
type RedundancyReductionGrad struct {
	pure
	Lambda float64
}

// Arity implements gorgonia.Op.
func (op RedundancyReductionGrad) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op RedundancyReductionGrad) Type() hm.Type { return signature(2, 0, 2) }

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
	shapes, err := shapesOf(inputs, 2, 0)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("c", shapes[0], shapes[0][0], shapes[0][0])
}

// Do implements gorgonia.Op.
func (op RedundancyReductionGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, redundancyReductionGrad[float32], redundancyReductionGrad[float64])
}

func redundancyReductionGrad[T float](op RedundancyReductionGrad, dc array[T], in []array[T]) {
	c, dloss := in[0], float64(in[1].data[0])
	for k, v := range c.data {
		if k/c.shape[1] == k%c.shape[1] {
			dc.data[k] = T(dloss * 2 * (float64(v) - 1))
			continue
		}
		dc.data[k] = T(dloss * 2 * op.Lambda * float64(v))
	}
}
