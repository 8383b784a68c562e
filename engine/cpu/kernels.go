package cpu

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/model"
)

// kernels turns instructions into calls of the bridge. Convolutions of one shape and direction share one primitive: a
// machine runs them one after another.
type kernels struct {
	convolutions map[convolution]*C.tv_convolution
}

type convolution struct {
	direction uint32
	shape     C.tv_convolution_shape
}

func newKernels() *kernels { return &kernels{map[convolution]*C.tv_convolution{}} }

func (k *kernels) free() {
	for _, c := range k.convolutions {
		C.tv_convolution_free(c)
	}
	k.convolutions = nil
}

// scratchSize is the number of float32s that an instruction needs beside its inputs and result.
func scratchSize(i instruction) int {
	switch i.op.(type) {
	case model.BatchStats, model.BatchNormAffineGrad, model.ColumnSum:
		rows, channels := rowsOf(i.inputs[0])
		return 2 * int(C.tv_reduction_scratch(rows, channels))
	case model.NTXent, model.NTXentGrad:
		views := i.inputs[0].Shape()[0]
		return views * views
	}
	return 0
}

// rowsOf sees a value as [rows, channels]: all axes but the last are rows.
func rowsOf(n *gorgonia.Node) (rows, channels C.int64_t) {
	shape := n.Shape()
	if shape.Dims() == 0 {
		return 1, 1
	}
	last := shape[shape.Dims()-1]
	return C.int64_t(shape.TotalSize() / last), C.int64_t(last)
}

// compile returns what computes i, or nil where there is nothing to do.
func (k *kernels) compile(i instruction, v *values) (func() error, error) {
	in := make([]*C.float, len(i.inputs))
	for j, n := range i.inputs {
		in[j] = floats(v.of(n))
	}
	out, scratch := floats(v.of(i.out)), (*C.double)(nil)
	n := C.int64_t(size(i.out))
	rows, channels := rowsOf(i.inputs[0])
	if s := scratchSize(i); s > 0 {
		scratch = doubles(v.scratchOf(i))
	}

	switch op := i.op.(type) {
	case model.Conv2D:
		shape := convolutionShape(i.inputs[0], i.inputs[1], op.Stride, op.Pad)
		return k.convolve(C.TV_FORWARD, shape, in[0], in[1], out)
	case model.Conv2DInputGrad:
		shape := convolutionShape(i.out, i.inputs[0], op.Stride, op.Pad)
		return k.convolve(C.TV_INPUT_GRAD, shape, out, in[0], in[1])
	case model.Conv2DWeightGrad:
		shape := convolutionShape(i.inputs[0], i.out, op.Stride, op.Pad)
		return k.convolve(C.TV_WEIGHT_GRAD, shape, in[0], out, in[1])
	case model.MatMul:
		return matmul(op, i, in[0], in[1], out), nil
	case model.BatchStats:
		return call(func() { C.tv_batch_stats(rows, channels, in[0], scratch, out) }), nil
	case normAddReLU:
		var residual *C.float
		if len(in) == 5 {
			residual = in[4]
		}
		relu := C.int(0)
		if op.relu {
			relu = 1
		}
		epsilon := C.double(op.Epsilon)
		return call(func() {
			C.tv_batch_norm(rows, channels, epsilon, in[0], in[1], in[2], in[3], residual, relu, out)
		}), nil
	case model.BatchNormAffineGrad:
		epsilon := C.double(op.Epsilon)
		return call(func() {
			C.tv_batch_norm_affine_grad(rows, channels, epsilon, in[0], in[1], in[2], scratch, out)
		}), nil
	case model.BatchNormInputGrad:
		epsilon := C.double(op.Epsilon)
		return call(func() {
			C.tv_batch_norm_input_grad(rows, channels, epsilon, in[0], in[1], in[2], in[3], in[4], out)
		}), nil
	case model.ColumnSum:
		return call(func() { C.tv_column_sum(rows, channels, in[0], scratch, out) }), nil
	case model.ReLU:
		return call(func() { C.tv_relu(n, in[0], out) }), nil
	case model.ReLUGrad:
		return call(func() { C.tv_relu_grad(n, in[0], in[1], out) }), nil
	case addition:
		return call(func() { C.tv_add(n, in[0], in[1], out) }), nil
	case model.AddBias:
		return call(func() { C.tv_add_bias(rows, channels, in[0], in[1], out) }), nil
	case model.GlobalAvgPool:
		batch, pixels := pooled(i.inputs[0])
		return call(func() { C.tv_average_pool(batch, pixels, channels, in[0], out) }), nil
	case model.GlobalAvgPoolGrad:
		batch, pixels := pooled(i.out)
		return call(func() { C.tv_average_pool_grad(batch, pixels, channels, in[0], out) }), nil
	case model.NTXent:
		temperature, similarity := C.double(op.Temperature), floats(v.scratchOf(i))
		return try(func() *C.char { return C.tv_ntxent(rows, channels, temperature, in[0], similarity, out) }), nil
	case model.NTXentGrad:
		temperature, similarity := C.double(op.Temperature), floats(v.scratchOf(i))
		return try(func() *C.char {
			return C.tv_ntxent_grad(rows, channels, temperature, in[0], in[1], similarity, out)
		}), nil
	case model.Row, model.Rows:
		return part(i, v), nil
	}
	return reference(i, v), nil
}

func call(kernel func()) func() error {
	return func() error {
		kernel()
		return nil
	}
}

func try(kernel func() *C.char) func() error { return func() error { return failure(kernel()) } }

// failure makes an error of a bridge function's result, which must be read on the thread that called it.
func failure(message *C.char) error {
	if message == nil {
		return nil
	}
	return errors.New(C.GoString(message))
}

func convolutionShape(x, weights *gorgonia.Node, stride, pad int) C.tv_convolution_shape {
	xs, ws := x.Shape(), weights.Shape()
	return C.tv_convolution_shape{
		batch: C.int64_t(xs[0]), height: C.int64_t(xs[1]), width: C.int64_t(xs[2]),
		in: C.int64_t(ws[1]), out: C.int64_t(ws[0]), kernel: C.int64_t(ws[2]),
		stride: C.int64_t(stride), pad: C.int64_t(pad),
	}
}

func (k *kernels) convolve(
	direction uint32, shape C.tv_convolution_shape, x, weights, y *C.float,
) (func() error, error) {
	key := convolution{direction, shape}
	made, ok := k.convolutions[key]
	if !ok {
		if err := failure(C.tv_convolution_new(direction, shape, &made)); err != nil {
			return nil, err
		}
		k.convolutions[key] = made
	}
	return try(func() *C.char { return C.tv_convolution_run(made, x, weights, y) }), nil
}

func matmul(op model.MatMul, i instruction, a, b, c *C.float) func() error {
	m, n := C.int64_t(i.out.Shape()[0]), C.int64_t(i.out.Shape()[1])
	inner := i.inputs[0].Shape()[1]
	transA, transB := C.int(0), C.int(0)
	if op.TransA {
		transA, inner = 1, i.inputs[0].Shape()[0]
	}
	if op.TransB {
		transB = 1
	}
	return try(func() *C.char { return C.tv_matmul(transA, transB, m, n, C.int64_t(inner), a, b, c) })
}

// pooled is the batch and the number of pixels of an NHWC value.
func pooled(n *gorgonia.Node) (batch, pixels C.int64_t) {
	shape := n.Shape()
	return C.int64_t(shape[0]), C.int64_t(shape[1] * shape[2])
}

// part copies a part of the input, unless the result lies in it already.
func part(i instruction, v *values) func() error {
	offset, _ := alias(i)
	out, from := v.of(i.out), v.of(i.inputs[0])[offset:]
	if &out[0] == &from[0] {
		return nil
	}
	return func() error {
		copy(out, from)
		return nil
	}
}

// reference runs the op's own implementation, for ops too small to be worth a kernel.
func reference(i instruction, v *values) func() error {
	out := v.of(i.out)
	return func() error {
		inputs := make([]gorgonia.Value, len(i.inputs))
		for j, n := range i.inputs {
			inputs[j] = value(n, v.of(n))
		}
		result, err := i.op.Do(inputs...)
		if err != nil {
			return fmt.Errorf("run the reference of %v: %w", i.op, err)
		}
		copy(out, elements(result))
		return nil
	}
}

// value sees a node's memory as Gorgonia does.
func value(n *gorgonia.Node, memory []float32) gorgonia.Value {
	if n.IsScalar() {
		return gorgonia.NewF32(memory[0])
	}
	return tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(memory))
}
