package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"unsafe"

	"twinview/engine/lowering"
)

// convolution is one of the program's, as this machine computes it.
type convolution lowering.Convolution

// The bridge numbers directions and precisions as package lowering does: this compiles only then.
var (
	_ = [1]struct{}{}[lowering.Forward-C.TV_FORWARD]
	_ = [1]struct{}{}[lowering.InputGradient-C.TV_INPUT_GRAD]
	_ = [1]struct{}{}[lowering.WeightGradient-C.TV_WEIGHT_GRAD]
	_ = [1]struct{}{}[lowering.Float32-C.TV_FLOAT32]
	_ = [1]struct{}{}[lowering.BFloat16-C.TV_BFLOAT16]
)

func shapeOf(s lowering.ConvolutionShape) C.tv_convolution_shape {
	return C.tv_convolution_shape{
		batch: C.int64_t(s.Batch), height: C.int64_t(s.Height), width: C.int64_t(s.Width),
		in: C.int64_t(s.In), out: C.int64_t(s.Out), kernel: C.int64_t(s.Kernel),
		stride: C.int64_t(s.Stride), pad: C.int64_t(s.Pad),
	}
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

func (c convolution) label() string {
	own := ""
	if c.Algorithm != string(oneDNN) {
		own = ", own"
	}
	return fmt.Sprintf("convolution %v%s", c.Direction, own)
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
	return d, failure(C.tv_convolution_new(uint32(c.Direction), uint32(c.Precision), shapeOf(c.Shape), &d.made))
}

func (d *onednn) run(x, weights, y unsafe.Pointer, _ *fused) error {
	return failure(C.tv_convolution_run(d.made, x, (*C.float)(weights), y))
}

func (d *onednn) free() { C.tv_convolution_free(d.made) }

// addsInPassing tells whether c can add its input gradient to another value.
func addsInPassing(c lowering.Convolution) bool { return c.Algorithm != string(oneDNN) }

// normalisesInPassing tells whether c can make batch norm and ReLU of its input with the bits of their own pass. That rounds
// otherwise what vectors of 16 channels leave over.
func normalisesInPassing(c lowering.Convolution) bool {
	return algorithm(c.Algorithm).tile() > 0 && c.Shape.In%16 == 0
}

func newKernel(c convolution) (kernel, error) {
	if c.Algorithm == string(oneDNN) {
		return newOneDNN(c)
	}
	return newOwn(c)
}

// convolve returns what runs c on the tensors. Convolutions of one shape and direction share one kernel: a machine runs
// them one after another.
func (k *kernels) convolve(c convolution, i lowering.Instruction, m *memory) (func() error, error) {
	f := c.fused(i, m)
	alone := convolution{Direction: c.Direction, Precision: c.Precision, Shape: c.Shape, Algorithm: c.Algorithm}
	made, ok := k.convolutions[alone]
	if !ok {
		var err error
		if made, err = newKernel(alone); err != nil {
			return nil, err
		}
		k.convolutions[alone] = made
	}
	in, out := []unsafe.Pointer{m.pointer(i.Inputs[0]), m.pointer(i.Inputs[1])}, m.pointer(i.Out())
	switch {
	case c.Direction == lowering.Forward:
		return func() error { return made.run(in[0], in[1], out, f) }, nil
	case c.Direction == lowering.WeightGradient:
		return func() error { return made.run(in[0], out, in[1], f) }, nil
	case c.Accumulate && m.pointer(i.Inputs[2]) != out:
		sum, start := m.of(i.Out()), m.of(i.Inputs[2])
		return func() error {
			copy(sum, start)
			return made.run(out, in[0], in[1], f)
		}, nil
	}
	return func() error { return made.run(out, in[0], in[1], f) }, nil
}

// fused is what c does in passing, made once: a step allocates nothing.
func (c convolution) fused(i lowering.Instruction, m *memory) *fused {
	f := &fused{}
	if c.Accumulate {
		f.accumulate = 1
	}
	if c.Norm {
		f.epsilon = C.double(c.Epsilon)
		f.stats, f.weight, f.bias = m.floats(i.Inputs[2]), m.floats(i.Inputs[3]), m.floats(i.Inputs[4])
	}
	return f
}
