package model

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Row is one row of a matrix, copied: ([R, C]) → [C]. It takes apart what BatchNormAffineGrad computes in one pass, and has
// no gradient of its own.
type Row struct {
	pure
	Index int
}

// Arity implements gorgonia.Op.
func (op Row) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op Row) Type() hm.Type { return signature(2, 1) }

// String implements gorgonia.Op.
func (op Row) String() string { return fmt.Sprintf("Row{Index: %d}", op.Index) }

// WriteHash implements gorgonia.Op.
func (op Row) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op Row) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op Row) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	if op.Index < 0 || op.Index >= shapes[0][0] {
		return nil, fmt.Errorf("matrix of shape %v has no row %d", shapes[0], op.Index)
	}
	return tensor.Shape{shapes[0][1]}, nil
}

// Do implements gorgonia.Op.
func (op Row) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, row[float32], row[float64])
}

func row[T float](op Row, y array[T], in []array[T]) {
	copy(y.data, in[0].data[op.Index*len(y.data):])
}

// Rows are the rows From ≤ i < To of a matrix, copied: ([N, D]) → [To−From, D].
type Rows struct {
	pure
	From, To int
}

// Arity implements gorgonia.Op.
func (op Rows) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op Rows) Type() hm.Type { return signature(2, 2) }

// String implements gorgonia.Op.
func (op Rows) String() string { return fmt.Sprintf("Rows{From: %d, To: %d}", op.From, op.To) }

// WriteHash implements gorgonia.Op.
func (op Rows) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op Rows) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op Rows) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	if op.From < 0 || op.From >= op.To || op.To > shapes[0][0] {
		return nil, fmt.Errorf("matrix of shape %v has no rows %d to %d", shapes[0], op.From, op.To)
	}
	return tensor.Shape{op.To - op.From, shapes[0][1]}, nil
}

// Do implements gorgonia.Op.
func (op Rows) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, rows[float32], rows[float64])
}

func rows[T float](op Rows, y array[T], in []array[T]) {
	copy(y.data, in[0].data[op.From*y.shape[1]:])
}

// DiffWRT implements gorgonia.SDOp.
func (op Rows) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op Rows) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := gorgonia.ApplyOp(RowsGrad{From: op.From, To: op.To, N: inputs[0].Shape()[0]}, grad)
	return gorgonia.Nodes{dx}, err
}

// RowsGrad is the gradient of Rows: (dy [To−From, D]) → [N, D], zero in the other rows.
type RowsGrad struct {
	pure
	From, To, N int
}

// Arity implements gorgonia.Op.
func (op RowsGrad) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op RowsGrad) Type() hm.Type { return signature(2, 2) }

// String implements gorgonia.Op.
func (op RowsGrad) String() string {
	return fmt.Sprintf("RowsGrad{From: %d, To: %d, N: %d}", op.From, op.To, op.N)
}

// WriteHash implements gorgonia.Op.
func (op RowsGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op RowsGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op RowsGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	dx := tensor.Shape{op.N, shapes[0][1]}
	dy, err := Rows{From: op.From, To: op.To}.InferShape(dx)
	if err != nil {
		return nil, err
	}
	return dx, wantShape("dy", shapes[0], dy...)
}

// Do implements gorgonia.Op.
func (op RowsGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, rowsGrad[float32], rowsGrad[float64])
}

func rowsGrad[T float](op RowsGrad, dx array[T], in []array[T]) {
	copy(dx.data[op.From*dx.shape[1]:], in[0].data)
}
