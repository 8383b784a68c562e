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
	losses[experiment.SimCLR] = loss{
		check: func(m experiment.Method) error {
			if !(m.Temperature > 0) || math.IsInf(m.Temperature, 1) {
				return fmt.Errorf("method.temperature is %v, want a number greater than 0", m.Temperature)
			}
			return nil
		},
		build: func(b *builder, m experiment.Method, o Options) {
			z := b.apply(L2Normalize{}, b.network.Projection)
			b.network.Loss = b.apply(NTXent{Temperature: m.Temperature, Views: o.viewsPerImage()}, z)
		},
	}
}

// NTXent is the normalised temperature-scaled cross entropy of SimCLR (Chen et al. 2020, eq. 1 and algorithm 1) on V views
// of each of N images: (z [VN, D]) → scalar. Row vN + i is view v of image i. Rows of one image are positive pairs, all
// other rows are their negatives. With s_ij = ⟨z_i, z_j⟩ / τ and P(i) the V−1 other rows of i's image,
//
//	ℓ(i, j) = −log( exp(s_ij) / Σ_{k≠i} exp(s_ik) )
//	L = 1/VN · Σ_i 1/(V−1) · Σ_{j∈P(i)} ℓ(i, j)
//
// so both orders of each pair are averaged. With V > 2 that is L_out of Khosla et al. 2020, eq. 2, with the images as
// classes. The rows must come out of L2Normalize, else the inner product isn't the cosine similarity. N is at least 2: with
// one image there is no negative.
type NTXent struct {
	pure
	// Temperature is τ, greater than 0.
	Temperature float64
	// Views is V, at least 2.
	Views int
}

// Arity implements gorgonia.Op.
func (op NTXent) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op NTXent) Type() hm.Type { return signature(2, 0) }

// String implements gorgonia.Op.
func (op NTXent) String() string {
	return fmt.Sprintf("NTXent{Temperature: %v, Views: %d}", op.Temperature, op.Views)
}

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
	case op.Views < 2:
		return fmt.Errorf("%d views an image, want at least 2", op.Views)
	case z[0]%op.Views != 0:
		return fmt.Errorf("z has %d rows, want a multiple of %d, the views of an image", z[0], op.Views)
	case z[0] < 2*op.Views:
		return fmt.Errorf("z has %d rows, want at least %d: the views of one image have no negatives", z[0], 2*op.Views)
	}
	return nil
}

// Do implements gorgonia.Op.
func (op NTXent) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, ntXent[float32], ntXent[float64])
}

func ntXent[T float](op NTXent, loss array[T], in []array[T]) {
	z := in[0]
	rows := z.shape[0]
	sum := 0.0
	for i := range rows {
		similarities := similaritiesOf(z, i, op.Temperature)
		positives := 0.0
		for _, j := range positivesOf(i, rows, op.Views) {
			positives += similarities[j]
		}
		sum += logSumExp(similarities) - positives/float64(op.Views-1)
	}
	loss.data[0] = T(sum / float64(rows))
}

// positivesOf are the rows of i's image but i.
func positivesOf(i, rows, views int) []int {
	var others []int
	for v := 1; v < views; v++ {
		others = append(others, (i+v*rows/views)%rows)
	}
	return others
}

// DiffWRT implements gorgonia.SDOp.
func (op NTXent) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op NTXent) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dz, err := gorgonia.ApplyOp(NTXentGrad{Temperature: op.Temperature, Views: op.Views}, inputs[0], grad)
	return gorgonia.Nodes{dz}, err
}

// NTXentGrad is the gradient of NTXent: (z [VN, D], dloss scalar) → dz [VN, D]. With P the softmax of each row of s over
// k ≠ i (P_ii = 0), and Y_ij = 1/(V−1) for positive pairs, else 0,
//
//	dz = dloss / (VN·τ) · (G + Gᵀ)·z,  G = P − Y.
type NTXentGrad struct {
	pure
	Temperature float64
	Views       int
}

// Arity implements gorgonia.Op.
func (op NTXentGrad) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op NTXentGrad) Type() hm.Type { return signature(2, 0, 2) }

// String implements gorgonia.Op.
func (op NTXentGrad) String() string {
	return fmt.Sprintf("NTXentGrad{Temperature: %v, Views: %d}", op.Temperature, op.Views)
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
	return shapes[0].Clone(), NTXent{Temperature: op.Temperature, Views: op.Views}.check(shapes[0])
}

// Do implements gorgonia.Op.
func (op NTXentGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, ntXentGrad[float32], ntXentGrad[float64])
}

func ntXentGrad[T float](op NTXentGrad, dz array[T], in []array[T]) {
	z, dloss := in[0], float64(in[1].data[0])
	rows, width := z.shape[0], z.shape[1]
	scale := dloss / (float64(rows) * op.Temperature)
	sums := make([]float64, len(z.data))
	for i := range rows {
		g := similaritiesOf(z, i, op.Temperature)
		total := logSumExp(g)
		for k, s := range g {
			g[k] = math.Exp(s - total)
		}
		for _, j := range positivesOf(i, rows, op.Views) {
			g[j] -= 1 / float64(op.Views-1)
		}
		for k, g := range g {
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
