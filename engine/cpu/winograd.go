package cpu

// #include "bridge.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// precision is the element type of activations and their gradients.
type precision uint32

const (
	float32s  precision = C.TV_FLOAT32
	bfloat16s precision = C.TV_BFLOAT16
)

// direction says which of a convolution's three tensors is computed from the other two.
type direction uint32

const (
	forward    direction = C.TV_FORWARD
	inputGrad  direction = C.TV_INPUT_GRAD
	weightGrad direction = C.TV_WEIGHT_GRAD
)

// winogradShape is that of a 3×3 convolution of stride 1 and pad 1: x is [batch, height, width, in], weights are
// [out, in, 3, 3] and y is [batch, height, width, out].
type winogradShape struct{ batch, height, width, in, out int }

// winograd is one of our own convolutions with its work memory. All of it happens on the compute thread.
type winograd struct{ made *C.tv_winograd }

func winogradSupports(p precision) bool { return C.tv_winograd_supports(uint32(p)) != 0 }

// newWinograd makes a convolution for the number of threads that the compute thread has now; tile is 2 or 4.
func newWinograd(d direction, p precision, tile int, s winogradShape) (*winograd, error) {
	shape := C.tv_convolution_shape{
		batch: C.int64_t(s.batch), height: C.int64_t(s.height), width: C.int64_t(s.width),
		in: C.int64_t(s.in), out: C.int64_t(s.out), kernel: 3, stride: 1, pad: 1,
	}
	w := &winograd{}
	if err := failure(C.tv_winograd_new(uint32(d), uint32(p), C.int(tile), shape, &w.made)); err != nil {
		return nil, err
	}
	return w, nil
}

// run computes the direction's tensor. x and y are of the convolution's precision, weights float32. accumulate adds an
// input gradient to what x holds.
func (w *winograd) run(x, weights, y unsafe.Pointer, accumulate bool) error {
	add := C.int(0)
	if accumulate {
		add = 1
	}
	err := failure(C.tv_winograd_run(w.made, x, (*C.float)(weights), y, add))
	runtime.KeepAlive(w)
	return err
}

func (w *winograd) free() { C.tv_winograd_free(w.made) }
