package model

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// NTXent is the normalised temperature-scaled cross entropy of SimCLR (Chen et al. 2020, eq. 1 and algorithm 1):
// (z [2N, D]) → scalar. Row i and row (i+N) mod 2N are the two views of an image, a positive pair; all other rows are its
// negatives. With s_ij = ⟨z_i, z_j⟩ / τ,
//
//	ℓ(i, j) = −log( exp(s_ij) / Σ_{k≠i} exp(s_ik) )
//	L = 1/2N · Σ_i ℓ(i, (i+N) mod 2N)
//
// so both orders of each pair are averaged. The rows must come out of L2Normalize, else the inner product isn't the
// cosine similarity. N is at least 2: with one image there is no negative and the loss is always 0.
type NTXent struct {
	pure
	// Temperature is τ, greater than 0.
	Temperature float64
}

// Arity implements gorgonia.Op.
func (op NTXent) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op NTXent) Type() hm.Type { return signature(2, 0) }

// String implements gorgonia.Op.
func (op NTXent) String() string { return fmt.Sprintf("NTXent{Temperature: %v}", op.Temperature) }

// WriteHash implements gorgonia.Op.
func (op NTXent) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op NTXent) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op NTXent) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	if err := op.check(shapes[0]); err != nil {
		return nil, err
	}
	return tensor.ScalarShape(), nil
}

func (op NTXent) check(z tensor.Shape) error {
	switch {
	case !(op.Temperature > 0) || math.IsInf(op.Temperature, 1):
		return fmt.Errorf("temperature is %v, want a number greater than 0", op.Temperature)
	case z[0]%2 != 0:
		return fmt.Errorf("z has %d rows, want an even number: two views an image", z[0])
	case z[0] < 4:
		return fmt.Errorf("z has %d rows, want at least 4: the two views of one image have no negatives", z[0])
	}
	return nil
}

// Do implements gorgonia.Op.
func (op NTXent) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, ntXent[float32], ntXent[float64])
}

func ntXent[T float](op NTXent, loss array[T], in []array[T]) {
	z := in[0]
	views := z.shape[0]
	sum := 0.0
	for i := range views {
		similarities := similaritiesOf(z, i, op.Temperature)
		positive := similarities[(i+views/2)%views]
		sum += logSumExp(similarities) - positive
	}
	loss.data[0] = T(sum / float64(views))
}

// DiffWRT implements gorgonia.SDOp.
func (op NTXent) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op NTXent) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dz, err := gorgonia.ApplyOp(NTXentGrad{Temperature: op.Temperature}, inputs[0], grad)
	return gorgonia.Nodes{dz}, err
}

// NTXentGrad is the gradient of NTXent: (z [2N, D], dloss scalar) → dz [2N, D]. With P the softmax of each row of s over
// k ≠ i (P_ii = 0), and Y_ij = 1 for positive pairs, else 0,
//
//	dz = dloss / (2N·τ) · (G + Gᵀ)·z,  G = P − Y.
type NTXentGrad struct {
	pure
	Temperature float64
}

// Arity implements gorgonia.Op.
func (op NTXentGrad) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op NTXentGrad) Type() hm.Type { return signature(2, 0, 2) }

// String implements gorgonia.Op.
func (op NTXentGrad) String() string {
	return fmt.Sprintf("NTXentGrad{Temperature: %v}", op.Temperature)
}

// WriteHash implements gorgonia.Op.
func (op NTXentGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op NTXentGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op NTXentGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 0)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), NTXent{Temperature: op.Temperature}.check(shapes[0])
}

// Do implements gorgonia.Op.
func (op NTXentGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, ntXentGrad[float32], ntXentGrad[float64])
}

func ntXentGrad[T float](op NTXentGrad, dz array[T], in []array[T]) {
	z, dloss := in[0], float64(in[1].data[0])
	views, width := z.shape[0], z.shape[1]
	scale := dloss / (float64(views) * op.Temperature)
	sums := make([]float64, len(z.data))
	for i := range views {
		similarities := similaritiesOf(z, i, op.Temperature)
		total := logSumExp(similarities)
		for k, s := range similarities {
			g := math.Exp(s - total)
			if k == (i+views/2)%views {
				g--
			}
			for d := range width {
				sums[i*width+d] += scale * g * float64(z.data[k*width+d])
				sums[k*width+d] += scale * g * float64(z.data[i*width+d])
			}
		}
	}
	store(dz.data, sums)
}

// similaritiesOf are ⟨z_i, z_k⟩ / τ for every k, and −∞ for k = i, which leaves i itself out of every softmax.
func similaritiesOf[T float](z array[T], i int, temperature float64) []float64 {
	similarities := make([]float64, z.shape[0])
	for k := range similarities {
		for d := range z.shape[1] {
			similarities[k] += float64(z.data[i*z.shape[1]+d]) * float64(z.data[k*z.shape[1]+d]) / temperature
		}
	}
	similarities[i] = math.Inf(-1)
	return similarities
}
