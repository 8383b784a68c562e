package model

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// L2Normalize divides each row by its Euclidean norm, or by NormFloor where that is greater: ([N, D]) → [N, D].
type L2Normalize struct{ pure }

// Arity implements gorgonia.Op.
func (op L2Normalize) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op L2Normalize) Type() hm.Type { return signature(2, 2) }

// String implements gorgonia.Op.
func (op L2Normalize) String() string { return "L2Normalize{}" }

// WriteHash implements gorgonia.Op.
func (op L2Normalize) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op L2Normalize) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op L2Normalize) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), nil
}

// Do implements gorgonia.Op.
func (op L2Normalize) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, l2Normalize[float32], l2Normalize[float64])
}

func l2Normalize[T float](_ L2Normalize, y array[T], in []array[T]) {
	x := in[0]
	norms := rowNorms(x)
	for i, v := range x.data {
		y.data[i] = T(float64(v) / max(norms[i/x.shape[1]], NormFloor))
	}
}

// DiffWRT implements gorgonia.SDOp.
func (op L2Normalize) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op L2Normalize) SymDiff(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := gorgonia.ApplyOp(L2NormalizeGrad{}, inputs[0], output, grad)
	return gorgonia.Nodes{dx}, err
}

// L2NormalizeGrad is the gradient of L2Normalize: (x, y, dy, all [N, D]) → dx = (dy − y·⟨y, dy⟩) / ‖x‖, row by row, and
// dy / NormFloor where the norm is below the floor.
type L2NormalizeGrad struct{ pure }

// Arity implements gorgonia.Op.
func (op L2NormalizeGrad) Arity() int { return 3 }

// Type implements gorgonia.Op.
func (op L2NormalizeGrad) Type() hm.Type { return signature(2, 2, 2, 2) }

// String implements gorgonia.Op.
func (op L2NormalizeGrad) String() string { return "L2NormalizeGrad{}" }

// WriteHash implements gorgonia.Op.
func (op L2NormalizeGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op L2NormalizeGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op L2NormalizeGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	return sameMatrices(inputs)
}

// Do implements gorgonia.Op.
func (op L2NormalizeGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, l2NormalizeGrad[float32], l2NormalizeGrad[float64])
}

func l2NormalizeGrad[T float](_ L2NormalizeGrad, dx array[T], in []array[T]) {
	x, y, dy := in[0], in[1].data, in[2].data
	width := x.shape[1]
	norms := rowNorms(x)
	along := make([]float64, x.shape[0])
	for i, d := range dy {
		along[i/width] += float64(y[i]) * float64(d)
	}
	for i, d := range dy {
		n := i / width
		if norms[n] < NormFloor {
			dx.data[i] = T(float64(d) / NormFloor)
			continue
		}
		dx.data[i] = T((float64(d) - float64(y[i])*along[n]) / norms[n])
	}
}

func rowNorms[T float](x array[T]) []float64 {
	norms := make([]float64, x.shape[0])
	for i, v := range x.data {
		norms[i/x.shape[1]] += float64(v) * float64(v)
	}
	for n := range norms {
		norms[n] = math.Sqrt(norms[n])
	}
	return norms
}

// sameMatrices is the shape inference of an op on three matrices x, y and dy of one shape.
func sameMatrices(inputs []gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 2, 2)
	if err != nil {
		return nil, err
	}
	if err := wantShape("y", shapes[1], shapes[0]...); err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("dy", shapes[2], shapes[0]...)
}
