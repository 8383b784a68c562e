package model

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// AddBias adds a vector to every row: (x [N, C], b [C]) → [N, C].
type AddBias struct{ pure }

// Arity implements gorgonia.Op.
func (op AddBias) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op AddBias) Type() hm.Type { return signature(2, 1, 2) }

// String implements gorgonia.Op.
func (op AddBias) String() string { return "AddBias{}" }

// WriteHash implements gorgonia.Op.
func (op AddBias) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op AddBias) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op AddBias) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 1)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("bias", shapes[1], shapes[0][1])
}

// Do implements gorgonia.Op.
func (op AddBias) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, addBias[float32], addBias[float64])
}

func addBias[T float](_ AddBias, y array[T], in []array[T]) {
	x, bias := in[0].data, in[1].data
	for i, v := range x {
		y.data[i] = v + bias[i%len(bias)]
	}
}

// DiffWRT implements gorgonia.SDOp.
func (op AddBias) DiffWRT(int) []bool { return []bool{true, true} }

// SymDiff implements gorgonia.SDOp.
func (op AddBias) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dbias, err := gorgonia.ApplyOp(ColumnSum{}, grad)
	return gorgonia.Nodes{grad, dbias}, err
}

// ColumnSum is the gradient of AddBias by its bias: (dy [N, C]) → [C].
type ColumnSum struct{ pure }

// Arity implements gorgonia.Op.
func (op ColumnSum) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op ColumnSum) Type() hm.Type { return signature(2, 1) }

// String implements gorgonia.Op.
func (op ColumnSum) String() string { return "ColumnSum{}" }

// WriteHash implements gorgonia.Op.
func (op ColumnSum) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op ColumnSum) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op ColumnSum) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{shapes[0][1]}, nil
}

// Do implements gorgonia.Op.
func (op ColumnSum) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, columnSum[float32], columnSum[float64])
}

func columnSum[T float](_ ColumnSum, y array[T], in []array[T]) {
	sums := make([]float64, len(y.data))
	for i, v := range in[0].data {
		sums[i%len(sums)] += float64(v)
	}
	store(y.data, sums)
}
