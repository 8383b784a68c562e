package cpu

// #include "bridge.h"
import "C"

import (
	"unsafe"

	"twinview/model"
)

const (
	forward    = C.TV_FORWARD
	inputGrad  = C.TV_INPUT_GRAD
	weightGrad = C.TV_WEIGHT_GRAD
)

// convolution is a convolution in one direction: (x, weights) → y, (weights, dy) → dx or (x, dy) → dweights.
type convolution struct {
	direction uint32
	precision Precision
	shape     C.tv_convolution_shape
}

func (c convolution) label() string {
	return "convolution " + map[uint32]string{
		forward: "forward", inputGrad: "input gradient", weightGrad: "weight gradient",
	}[c.direction]
}

// lowerConvolutions gives the model's convolutions their shapes.
func (p *program) lowerConvolutions() {
	for at := range p.instructions {
		i := &p.instructions[at]
		switch op := i.op.(type) {
		case model.Conv2D:
			i.op = convolution{forward, Float32, convolutionShape(i.inputs[0], i.inputs[1], op.Stride, op.Pad)}
		case model.Conv2DInputGrad:
			i.op = convolution{inputGrad, Float32, convolutionShape(i.out(), i.inputs[0], op.Stride, op.Pad)}
		case model.Conv2DWeightGrad:
			i.op = convolution{weightGrad, Float32, convolutionShape(i.inputs[0], i.out(), op.Stride, op.Pad)}
		}
	}
}

func convolutionShape(x, weights *value, stride, pad int) C.tv_convolution_shape {
	return C.tv_convolution_shape{
		batch: C.int64_t(x.shape[0]), height: C.int64_t(x.shape[1]), width: C.int64_t(x.shape[2]),
		in: C.int64_t(weights.shape[1]), out: C.int64_t(weights.shape[0]), kernel: C.int64_t(weights.shape[2]),
		stride: C.int64_t(stride), pad: C.int64_t(pad),
	}
}

// convolve returns what runs c on the tensors. Convolutions of one shape and direction share one primitive: a machine runs
// them one after another.
func (k *kernels) convolve(c convolution, i instruction, v *memory) (func() error, error) {
	var x, y unsafe.Pointer
	var weights *C.float
	switch c.direction {
	case forward:
		x, weights, y = v.pointer(i.inputs[0]), v.floats(i.inputs[1]), v.pointer(i.out())
	case inputGrad:
		x, weights, y = v.pointer(i.out()), v.floats(i.inputs[0]), v.pointer(i.inputs[1])
	default:
		x, weights, y = v.pointer(i.inputs[0]), v.floats(i.out()), v.pointer(i.inputs[1])
	}
	made, ok := k.convolutions[c]
	if !ok {
		if err := failure(C.tv_convolution_new(c.direction, uint32(c.precision), c.shape, &made)); err != nil {
			return nil, err
		}
		k.convolutions[c] = made
	}
	return try(func() *C.char { return C.tv_convolution_run(made, x, weights, y) }), nil
}
