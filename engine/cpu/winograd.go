package cpu

// #include "bridge.h"
import "C"

import "unsafe"

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

// Winograd says which 3×3 convolutions of stride 1 may go by Winograd's algorithm F(tile×tile, 3×3) (Lavin and Gray 2016).
// A tile is 0, 2 or 4; 0 is none. The larger the tile, the fewer the products and the larger the rounding errors.
type Winograd struct {
	Forward, InputGrad, WeightGrad int
}

func (w Winograd) tile(d direction) int {
	switch d {
	case forward:
		return w.Forward
	case inputGrad:
		return w.InputGrad
	default:
		return w.WeightGrad
	}
}

// winograd is one of our own convolutions with its work memory. All of it happens on the compute thread.
type winograd struct{ made *C.tv_winograd }

func winogradSupports(p Precision) bool { return C.tv_winograd_supports(uint32(p)) != 0 }

// newWinograd makes a convolution for the number of threads that the compute thread has now; tile is 2 or 4.
func newWinograd(c convolution) (*winograd, error) {
	w := &winograd{}
	if err := failure(C.tv_winograd_new(uint32(c.direction), uint32(c.precision), C.int(c.algorithm.tile()), c.shape.c(), &w.made)); err != nil {
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
	return failure(C.tv_winograd_run(w.made, x, (*C.float)(weights), y, add))
}

func (w *winograd) free() { C.tv_winograd_free(w.made) }
