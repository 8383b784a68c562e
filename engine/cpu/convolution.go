package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"unsafe"

	"twinview/model"
)

// direction says which of a convolution's three tensors is computed from the other two.
type direction uint32

const (
	forward    direction = C.TV_FORWARD
	inputGrad  direction = C.TV_INPUT_GRAD
	weightGrad direction = C.TV_WEIGHT_GRAD
)

func (d direction) String() string {
	return [...]string{forward: "forward", inputGrad: "input gradient", weightGrad: "weight gradient"}[d]
}

// convolution is a convolution in one direction: (x, weights) → y, (weights, dy) → dx or (x, dy) → dweights.
type convolution struct {
	direction direction
	precision Precision
	shape     convolutionShape
	algorithm algorithm
	// accumulate adds dx to input 2.
	accumulate bool
	// norm says that the convolution is not of input 0 but of the ReLU of its batch norm, with this epsilon and inputs 2 to
	// 4, which are statistics, weight and bias.
	norm    bool
	epsilon float64
}

// convolutionShape is of x [batch, height, width, in], weights [out, in, kernel, kernel] and y [batch, H, W, out].
type convolutionShape struct{ batch, height, width, in, out, kernel, stride, pad int }

func (s convolutionShape) c() C.tv_convolution_shape {
	return C.tv_convolution_shape{
		batch: C.int64_t(s.batch), height: C.int64_t(s.height), width: C.int64_t(s.width),
		in: C.int64_t(s.in), out: C.int64_t(s.out), kernel: C.int64_t(s.kernel),
		stride: C.int64_t(s.stride), pad: C.int64_t(s.pad),
	}
}

// output is the height and width of y.
func (s convolutionShape) output() (height, width int) {
	return (s.height+2*s.pad-s.kernel)/s.stride + 1, (s.width+2*s.pad-s.kernel)/s.stride + 1
}

// sizes are the numbers of elements of x, weights and y.
func (s convolutionShape) sizes() (x, weights, y int) {
	height, width := s.output()
	return s.batch * s.height * s.width * s.in, s.out * s.in * s.kernel * s.kernel, s.batch * height * width * s.out
}

// algorithm is what computes a convolution. Its text is part of a training's record.
type algorithm string

const (
	oneDNN    algorithm = "oneDNN"     // direct
	direct    algorithm = "direct"     // our own
	winograd2 algorithm = "F(2x2,3x3)" // our own, by Winograd's algorithm
	winograd4 algorithm = "F(4x4,3x3)"
)

// tile is that of Winograd's algorithm, 0 elsewhere.
func (a algorithm) tile() int {
	switch a {
	case winograd2:
		return 2
	case winograd4:
		return 4
	default:
		return 0
	}
}

// String names the convolution in a training's record.
func (c convolution) String() string {
	s := c.shape
	return fmt.Sprintf("%v %dx%dx%dx%d to %d, %dx%d/%d",
		c.direction, s.batch, s.height, s.width, s.in, s.out, s.kernel, s.kernel, s.stride)
}

func (c convolution) label() string {
	own := ""
	if c.algorithm != oneDNN {
		own = ", own"
	}
	return fmt.Sprintf("convolution %v%s", c.direction, own)
}

// lowerConvolutions gives the model's convolutions their shapes, in float32.
func (p *program) lowerConvolutions() {
	for at := range p.instructions {
		i := &p.instructions[at]
		switch op := i.op.(type) {
		case model.Conv2D:
			i.op = newConvolution(forward, i.inputs[0], i.inputs[1], op.Stride, op.Pad)
		case model.Conv2DInputGrad:
			i.op = newConvolution(inputGrad, i.out(), i.inputs[0], op.Stride, op.Pad)
		case model.Conv2DWeightGrad:
			i.op = newConvolution(weightGrad, i.inputs[0], i.out(), op.Stride, op.Pad)
		}
	}
}

func newConvolution(d direction, x, weights *value, stride, pad int) convolution {
	return convolution{direction: d, shape: convolutionShape{
		batch: x.shape[0], height: x.shape[1], width: x.shape[2], in: weights.shape[1], out: weights.shape[0],
		kernel: weights.shape[2], stride: stride, pad: pad,
	}}
}

// kernel is a convolution made ready to run.
type kernel interface {
	run(x, weights, y unsafe.Pointer, f *fused) error
	free()
}

// onednn is oneDNN's direct convolution. It does nothing in passing.
type onednn struct{ made *C.tv_convolution }

func newOneDNN(c convolution) (*onednn, error) {
	d := &onednn{}
	return d, failure(C.tv_convolution_new(uint32(c.direction), uint32(c.precision), c.shape.c(), &d.made))
}

func (d *onednn) run(x, weights, y unsafe.Pointer, _ *fused) error {
	return failure(C.tv_convolution_run(d.made, x, (*C.float)(weights), y))
}

func (d *onednn) free() { C.tv_convolution_free(d.made) }

func newKernel(c convolution) (kernel, error) {
	if c.algorithm == oneDNN {
		return newOneDNN(c)
	}
	return newOwn(c)
}

// convolve returns what runs c on the tensors. Convolutions of one shape and direction share one kernel: a machine runs
// them one after another.
func (k *kernels) convolve(c convolution, i instruction, m *memory) (func() error, error) {
	f := c.fused(i, m)
	alone := convolution{direction: c.direction, precision: c.precision, shape: c.shape, algorithm: c.algorithm}
	made, ok := k.convolutions[alone]
	if !ok {
		var err error
		if made, err = newKernel(alone); err != nil {
			return nil, err
		}
		k.convolutions[alone] = made
	}
	in, out := []unsafe.Pointer{m.pointer(i.inputs[0]), m.pointer(i.inputs[1])}, m.pointer(i.out())
	switch {
	case c.direction == forward:
		return func() error { return made.run(in[0], in[1], out, f) }, nil
	case c.direction == weightGrad:
		return func() error { return made.run(in[0], out, in[1], f) }, nil
	case c.accumulate && m.pointer(i.inputs[2]) != out:
		sum, start := m.of(i.out()), m.of(i.inputs[2])
		return func() error {
			copy(sum, start)
			return made.run(out, in[0], in[1], f)
		}, nil
	}
	return func() error { return made.run(out, in[0], in[1], f) }, nil
}

// fused is what c does in passing, made once: a step allocates nothing.
func (c convolution) fused(i instruction, m *memory) *fused {
	f := &fused{}
	if c.accumulate {
		f.accumulate = 1
	}
	if c.norm {
		f.epsilon = C.double(c.epsilon)
		f.stats, f.weight, f.bias = m.floats(i.inputs[2]), m.floats(i.inputs[3]), m.floats(i.inputs[4])
	}
	return f
}
