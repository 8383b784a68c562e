package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/gorgonia"

	"twinview/engine/lowering"
	"twinview/model"
)

// kernels turns instructions into calls of the bridge.
type kernels struct {
	convolutions map[convolution]kernel
	// references are the ops that run their own implementation in Go, which is slow and allocates.
	references []string
}

func newKernels() *kernels { return &kernels{convolutions: map[convolution]kernel{}} }

func (k *kernels) free() {
	for _, c := range k.convolutions {
		c.free()
	}
	k.convolutions = nil
}

// scratchSize is the number of float32s that an instruction needs beside its inputs and result.
func scratchSize(i lowering.Instruction) int {
	switch i.Op.(type) {
	case model.BatchStats, lowering.NormAffineGrad, lowering.ReLUNormAffineGrad, model.ColumnSum:
		rows, channels := rowsOf(i.Inputs[0])
		return 2 * int(C.tv_reduction_scratch(rows, channels))
	}
	return 0
}

// compile returns what computes i, or nil where there is nothing to do.
func (k *kernels) compile(i lowering.Instruction, m *memory) (func() error, error) {
	if c, ok := i.Op.(lowering.Convolution); ok {
		return k.convolve(convolution(c), i, m)
	}
	if run := image(i, m); run != nil {
		return run, nil
	}
	switch i.Op.(type) {
	case model.Row, model.Rows:
		return part(i, m), nil
	}
	if run := row(i, m); run != nil {
		return run, nil
	}
	return k.reference(i, m)
}

// image compiles the ops that run on activations of either precision, or returns nil.
func image(i lowering.Instruction, m *memory) func() error {
	in := make([]unsafe.Pointer, len(i.Inputs))
	for j, v := range i.Inputs {
		in[j] = m.pointer(v)
	}
	out := m.pointer(i.Out())
	activation := i.Inputs[0]
	if i.Out().Precision == BFloat16 { // the gradient of pooling reads no activation, but writes one
		activation = i.Out()
	}
	precision, n := uint32(activation.Precision), C.int64_t(i.Out().Elements())
	rows, channels := rowsOf(i.Inputs[0])
	var scratch *C.double
	if scratchSize(i) > 0 {
		scratch = m.doubles(i)
	}

	switch op := i.Op.(type) {
	case lowering.Narrow:
		return call(func() { C.tv_narrow(n, (*C.float)(in[0]), out) })
	case lowering.Widen:
		return call(func() { C.tv_widen(n, in[0], (*C.float)(out)) })
	case model.BatchStats:
		return call(func() { C.tv_batch_stats(precision, rows, channels, in[0], scratch, (*C.float)(out)) })
	case lowering.NormAddReLU:
		residual, relu, epsilon := optional(in, 4), C.int(0), C.double(op.Epsilon)
		if op.ReLU {
			relu = 1
		}
		return call(func() {
			C.tv_batch_norm(precision, rows, channels, epsilon, in[0], (*C.float)(in[1]), (*C.float)(in[2]),
				(*C.float)(in[3]), residual, relu, out)
		})
	case lowering.NormAffineGrad:
		weight, bias, epsilon := (*C.float)(optional(in, 3)), (*C.float)(optional(in, 4)), C.double(op.Epsilon)
		return call(func() {
			C.tv_batch_norm_affine_grad(precision, rows, channels, epsilon, in[0], (*C.float)(in[1]), weight, bias, in[2],
				scratch, (*C.float)(out))
		})
	case lowering.ReLUNormAffineGrad:
		affine, epsilon := m.floats(i.Outs[1]), C.double(op.Epsilon)
		return call(func() {
			C.tv_relu_batch_norm_affine_grad(precision, rows, channels, epsilon, in[0], (*C.float)(in[1]), in[2], in[3],
				scratch, out, affine)
		})
	case lowering.NormInputGrad:
		bias, epsilon := (*C.float)(optional(in, 5)), C.double(op.Epsilon)
		return call(func() {
			C.tv_batch_norm_input_grad(precision, rows, channels, epsilon, in[0], (*C.float)(in[1]), (*C.float)(in[2]),
				bias, in[3], (*C.float)(in[4]), out)
		})
	case model.ReLU:
		return call(func() { C.tv_relu(precision, n, in[0], out) })
	case model.ReLUGrad:
		return call(func() { C.tv_relu_grad(precision, n, in[0], in[1], out) })
	case lowering.Addition:
		return call(func() { C.tv_add(precision, n, in[0], in[1], out) })
	case model.GlobalAvgPool:
		batch, pixels := pooled(i.Inputs[0])
		return call(func() { C.tv_average_pool(precision, batch, pixels, channels, in[0], (*C.float)(out)) })
	case model.GlobalAvgPoolGrad:
		batch, pixels := pooled(i.Out())
		return call(func() { C.tv_average_pool_grad(precision, batch, pixels, channels, (*C.float)(in[0]), out) })
	}
	return nil
}

// optional is input number at, nil where there are fewer.
func optional(in []unsafe.Pointer, at int) unsafe.Pointer {
	if at < len(in) {
		return in[at]
	}
	return nil
}

// row compiles the ops of projection heads, classifiers and losses, which are float32 always, or returns nil.
func row(i lowering.Instruction, m *memory) func() error {
	in := make([]*C.float, len(i.Inputs))
	for j, v := range i.Inputs {
		in[j] = m.floats(v)
	}
	out := m.floats(i.Out())
	rows, channels := rowsOf(i.Inputs[0])

	switch op := i.Op.(type) {
	case model.MatMul:
		return matmul(op, i, in[0], in[1], out)
	case model.ColumnSum:
		scratch := m.doubles(i)
		return call(func() { C.tv_column_sum(rows, channels, in[0], scratch, out) })
	case model.AddBias:
		return call(func() { C.tv_add_bias(rows, channels, in[0], in[1], out) })
	}
	return head(i, in, out)
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

func matmul(op model.MatMul, i lowering.Instruction, a, b, c *C.float) func() error {
	m, n := C.int64_t(i.Out().Shape[0]), C.int64_t(i.Out().Shape[1])
	inner := i.Inputs[0].Shape[1]
	transA, transB := C.int(0), C.int(0)
	if op.TransA {
		transA, inner = 1, i.Inputs[0].Shape[0]
	}
	if op.TransB {
		transB = 1
	}
	return try(func() *C.char { return C.tv_matmul(transA, transB, m, n, C.int64_t(inner), a, b, c) })
}

// rowsOf are a value's rows and channels.
func rowsOf(v *lowering.Value) (rows, channels C.int64_t) {
	r, c := v.Rows()
	return C.int64_t(r), C.int64_t(c)
}

// pooled is the batch and the number of pixels of an NHWC value.
func pooled(v *lowering.Value) (batch, pixels C.int64_t) {
	return C.int64_t(v.Shape[0]), C.int64_t(v.Shape[1] * v.Shape[2])
}

// part copies a part of the input, unless the result lies in it already.
func part(i lowering.Instruction, m *memory) func() error {
	offset, _ := alias(i)
	out, from := m.of(i.Out()), m.of(i.Inputs[0])[offset:]
	if &out[0] == &from[0] {
		return nil
	}
	return func() error {
		copy(out, from)
		return nil
	}
}

// reference runs the op's own implementation, for ops too small to be worth a kernel.
func (k *kernels) reference(i lowering.Instruction, m *memory) (func() error, error) {
	op, ok := i.Op.(gorgonia.Op)
	if !ok {
		return nil, fmt.Errorf("no kernel for %T", i.Op)
	}
	k.references = append(k.references, op.String())
	out := m.of(i.Out())
	return func() error {
		inputs := make([]gorgonia.Value, len(i.Inputs))
		for j, v := range i.Inputs {
			inputs[j] = lowering.ValueOf(m.of(v), v.Shape)
		}
		result, err := op.Do(inputs...)
		if err != nil {
			return fmt.Errorf("run the reference of %v: %w", op, err)
		}
		copy(out, lowering.Elements(result))
		return nil
	}, nil
}
