package model

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// GlobalAvgPool is the mean over all pixels: ([N, H, W, C]) → [N, C].
type GlobalAvgPool struct{ pure }

// Arity implements gorgonia.Op.
func (op GlobalAvgPool) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op GlobalAvgPool) Type() hm.Type { return signature(4, 2) }

// String implements gorgonia.Op.
func (op GlobalAvgPool) String() string { return "GlobalAvgPool{}" }

// WriteHash implements gorgonia.Op.
func (op GlobalAvgPool) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op GlobalAvgPool) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op GlobalAvgPool) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 4)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{shapes[0][0], shapes[0][3]}, nil
}

// Do implements gorgonia.Op.
func (op GlobalAvgPool) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, globalAvgPool[float32], globalAvgPool[float64])
}

func globalAvgPool[T float](_ GlobalAvgPool, y array[T], in []array[T]) {
	x := in[0]
	channels, pixels := x.shape[3], x.shape[1]*x.shape[2]
	sums := make([]float64, len(y.data))
	for i, v := range x.data {
		n, c := i/(pixels*channels), i%channels
		sums[n*channels+c] += float64(v) / float64(pixels)
	}
	store(y.data, sums)
}

// DiffWRT implements gorgonia.SDOp.
func (op GlobalAvgPool) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements gorgonia.SDOp.
func (op GlobalAvgPool) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	x := inputs[0].Shape()
	dx, err := gorgonia.ApplyOp(GlobalAvgPoolGrad{Height: x[1], Width: x[2]}, grad)
	return gorgonia.Nodes{dx}, err
}

// GlobalAvgPoolGrad is the gradient of GlobalAvgPool: (dy [N, C]) → [N, Height, Width, C], dy / (Height·Width) in every
// pixel.
type GlobalAvgPoolGrad struct {
	pure
	Height, Width int
}

// Arity implements gorgonia.Op.
func (op GlobalAvgPoolGrad) Arity() int { return 1 }

// Type implements gorgonia.Op.
func (op GlobalAvgPoolGrad) Type() hm.Type { return signature(2, 4) }

// String implements gorgonia.Op.
func (op GlobalAvgPoolGrad) String() string {
	return fmt.Sprintf("GlobalAvgPoolGrad{Height: %d, Width: %d}", op.Height, op.Width)
}

// WriteHash implements gorgonia.Op.
func (op GlobalAvgPoolGrad) WriteHash(h hash.Hash) { fmt.Fprint(h, op) }

// Hashcode implements gorgonia.Op.
func (op GlobalAvgPoolGrad) Hashcode() uint32 { return hashcode(op) }

// InferShape implements gorgonia.Op.
func (op GlobalAvgPoolGrad) InferShape(inputs ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := shapesOf(inputs, 2)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{shapes[0][0], op.Height, op.Width, shapes[0][1]}, nil
}

// Do implements gorgonia.Op.
func (op GlobalAvgPoolGrad) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return compute(op, inputs, globalAvgPoolGrad[float32], globalAvgPoolGrad[float64])
}

func globalAvgPoolGrad[T float](op GlobalAvgPoolGrad, dx array[T], in []array[T]) {
	dy := in[0]
	channels, pixels := dy.shape[1], op.Height*op.Width
	for i := range dx.data {
		n, c := i/(pixels*channels), i%channels
		dx.data[i] = T(float64(dy.data[n*channels+c]) / float64(pixels))
	}
}
