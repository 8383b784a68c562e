package lowering

import (
	"fmt"
	"slices"

	"twinview/model"
)

// Direction says which of a convolution's three tensors is computed from the other two.
type Direction int

// The directions of a convolution.
const (
	Forward Direction = iota
	InputGradient
	WeightGradient
)

func (d Direction) String() string {
	return [...]string{Forward: "forward", InputGradient: "input gradient", WeightGradient: "weight gradient"}[d]
}

// ConvolutionShape is of x [Batch, Height, Width, In], weights [Out, In, Kernel, Kernel] and y [Batch, H, W, Out], zero padded
// by Pad on all sides.
type ConvolutionShape struct{ Batch, Height, Width, In, Out, Kernel, Stride, Pad int }

// Output is the height and width of y.
func (s ConvolutionShape) Output() (height, width int) {
	return (s.Height+2*s.Pad-s.Kernel)/s.Stride + 1, (s.Width+2*s.Pad-s.Kernel)/s.Stride + 1
}

// Sizes are the numbers of elements of x, weights and y.
func (s ConvolutionShape) Sizes() (x, weights, y int) {
	height, width := s.Output()
	return s.Batch * s.Height * s.Width * s.In, s.Out * s.In * s.Kernel * s.Kernel, s.Batch * height * width * s.Out
}

// Convolution is a convolution in one direction: (x, weights) → y, (weights, dy) → dx or (x, dy) → dweights.
type Convolution struct {
	Direction Direction
	// Precision is that of x and y.
	Precision Precision
	Shape     ConvolutionShape
	// Algorithm is what computes it, by the machine's own names.
	Algorithm string
	// Accumulate adds dx to input 2.
	Accumulate bool
	// Statistics says that a forward convolution's second result are the statistics of its first, as model.BatchStats makes them.
	Statistics bool
	// Norm says that the convolution is not of input 0 but of the ReLU of its batch norm, with this epsilon and inputs 2 to 4,
	// which are statistics, weight and bias.
	Norm    bool
	Epsilon float64
}

// String names the convolution in a training's record.
func (c Convolution) String() string {
	s := c.Shape
	return fmt.Sprintf("%v %dx%dx%dx%d to %d, %dx%d/%d",
		c.Direction, s.Batch, s.Height, s.Width, s.In, s.Out, s.Kernel, s.Kernel, s.Stride)
}

// convolutionOr makes a Convolution in float32 of the model's, and keeps any other op.
func convolutionOr(op any, inputs []*Value, out *Value) any {
	switch op := op.(type) {
	case model.Conv2D:
		return newConvolution(Forward, inputs[0], inputs[1], op.Stride, op.Pad)
	case model.Conv2DInputGrad:
		return newConvolution(InputGradient, out, inputs[0], op.Stride, op.Pad)
	case model.Conv2DWeightGrad:
		return newConvolution(WeightGradient, inputs[0], out, op.Stride, op.Pad)
	}
	return op
}

func newConvolution(d Direction, x, weights *Value, stride, pad int) Convolution {
	return Convolution{Direction: d, Shape: ConvolutionShape{
		Batch: x.Shape[0], Height: x.Shape[1], Width: x.Shape[2], In: weights.Shape[1], Out: weights.Shape[0],
		Kernel: weights.Shape[2], Stride: stride, Pad: pad,
	}}
}

// Trains tells whether the program computes the gradient of a convolution's weights.
func (p *Program) Trains() bool {
	return slices.ContainsFunc(p.Instructions, func(i Instruction) bool {
		c, ok := i.Op.(Convolution)
		return ok && c.Direction == WeightGradient
	})
}
