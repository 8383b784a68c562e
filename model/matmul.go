package model

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// MatMul is the product of two matrices, each transposed on demand: (a, b) → op(a)·op(b).
type MatMul struct {
	pure
	TransA, TransB bool
}

// Arity implements gorgonia.Op.
func (op MatMul) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op MatMul) Type() hm.Type { return signature(2, 2, 2) }

// String implements gorgonia.Op.
func (op MatMul) String() string {
	return fmt.Sprintf("MatMul{TransA: %t, TransB: %t}", op.TransA, op.TransB)
}

// WriteHash implements gorgonia.Op.
func (op MatMul) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op MatMul) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op MatMul) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2, 2)
	if err != nil {
		return nil, err
	}
	a, b := oriented(shapes[0], op.TransA), oriented(shapes[1], op.TransB)
	if a[1] != b[0] {
		return nil, fmt.Errorf("inner dimensions differ: %v (transposed: %t) times %v (transposed: %t)",
			shapes[0], op.TransA, shapes[1], op.TransB)
	}
	return tensor.Shape{a[0], b[1]}, nil
}

// Do implements gorgonia.Op.
func (op MatMul) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, matMul[float32], matMul[float64])
}

func matMul[T float](op MatMul, y array[T], in []array[T]) {
	a, b := in[0], in[1]
	inner := oriented(a.shape, op.TransA)[1]
	for i := range y.shape[0] {
		for j := range y.shape[1] {
			sum := 0.0
			for k := range inner {
				sum += a.at(i, k, op.TransA) * b.at(k, j, op.TransB)
			}
			y.data[i*y.shape[1]+j] = T(sum)
		}
	}
}

// DiffWRT implements gorgonia.SDOp.
func (op MatMul) DiffWRT(int) []bool { return []bool{true, true} }

// SymDiff implements gorgonia.SDOp.
func (op MatMul) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	a, b := inputs[0], inputs[1]
	da, err := product(grad, b, MatMul{TransB: !op.TransB}, op.TransA)
	if err != nil {
		return nil, err
	}
	db, err := product(a, grad, MatMul{TransA: !op.TransA}, op.TransB)
	return gorgonia.Nodes{da, db}, err
}

// product is op(a, b), or its transpose: (A·B)ᵀ = Bᵀ·Aᵀ.
func product(a, b *gorgonia.Node, op MatMul, transpose bool) (*gorgonia.Node, error) {
	if transpose {
		return gorgonia.ApplyOp(MatMul{TransA: !op.TransB, TransB: !op.TransA}, b, a)
	}
	return gorgonia.ApplyOp(op, a, b)
}

func oriented(shape tensor.Shape, transposed bool) tensor.Shape {
	if transposed {
		return tensor.Shape{shape[1], shape[0]}
	}
	return shape
}

// at is the element of a matrix in row i and column j, or in row j and column i.
func (a array[T]) at(i, j int, transposed bool) float64 {
	if transposed {
		i, j = j, i
	}
	return float64(a.data[i*a.shape[1]+j])
}
