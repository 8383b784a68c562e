package model

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ReLU is max(x, 0) on a tensor of any shape. NaN stays NaN, so that a diverged network is seen.
type ReLU struct{ pure }

// Arity implements gorgonia.Op.
func (op ReLU) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op ReLU) Type() hm.Type { return hm.NewFnType(like, like) }

// String implements gorgonia.Op.
func (op ReLU) String() string { return "ReLU{}" }

// WriteHash implements gorgonia.Op.
func (op ReLU) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op ReLU) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op ReLU) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, -1)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), nil
}

// Do implements gorgonia.Op.
func (op ReLU) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, relu[float32], relu[float64])
}

func relu[T float](_ ReLU, y array[T], in []array[T]) {
	for i, v := range in[0].data {
		y.data[i] = max(v, 0)
	}
}

// DiffWRT implements gorgonia.SDOp.
func (op ReLU) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op ReLU) SymDiff(_ gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	dx, err := gorgonia.ApplyOp(ReLUGrad{}, output, grad)
	return gorgonia.Nodes{dx}, err
}

// ReLUGrad is the gradient of ReLU from its output: (y, dy) → dy where y > 0, else 0.
type ReLUGrad struct{ pure }

// Arity implements gorgonia.Op.
func (op ReLUGrad) Arity() int { return 2 }

// Type implements gorgonia.Op.
func (op ReLUGrad) Type() hm.Type { return hm.NewFnType(like, like, like) }

// String implements gorgonia.Op.
func (op ReLUGrad) String() string { return "ReLUGrad{}" }

// WriteHash implements gorgonia.Op.
func (op ReLUGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op ReLUGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op ReLUGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, -1, -1)
	if err != nil {
		return nil, err
	}
	return shapes[0].Clone(), wantShape("dy", shapes[1], shapes[0]...)
}

// Do implements gorgonia.Op.
func (op ReLUGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, reluGrad[float32], reluGrad[float64])
}

func reluGrad[T float](_ ReLUGrad, dx array[T], in []array[T]) {
	y, dy := in[0].data, in[1].data
	for i, v := range y {
		if v > 0 {
			dx.data[i] = dy[i]
		}
	}
}
