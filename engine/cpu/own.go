package cpu

// #include "kernels/bridge.h"
import "C"

import "unsafe"

// fused is what one of our own convolutions does in passing; its zero value is nothing. What it points to is not Go's
// memory.
type fused C.tv_fused

// own is one of our own convolutions with its work memory. All of it happens on the compute thread.
type own struct{ made *C.tv_own }

func ownSupports(p Precision) bool { return C.tv_own_supports(uint32(p)) != 0 }

func directSupports(c convolution) bool {
	return C.tv_direct_supports(uint32(c.Direction), uint32(c.Precision), shapeOf(c.Shape)) != 0
}

// newOwn makes a convolution for the number of threads that the compute thread has now.
func newOwn(c convolution) (*own, error) {
	o := &own{}
	d, p := uint32(c.Direction), uint32(c.Precision)
	var err error
	if c.Algorithm == string(direct) {
		err = failure(C.tv_direct_new(d, p, shapeOf(c.Shape), &o.made))
	} else {
		err = failure(C.tv_winograd_new(d, p, C.int(algorithm(c.Algorithm).tile()), shapeOf(c.Shape), &o.made))
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// run computes the direction's tensor. x and y are of the convolution's precision, weights float32.
func (o *own) run(x, weights, y unsafe.Pointer, f *fused) error {
	return failure(C.tv_own_run(o.made, x, (*C.float)(weights), y, (*C.tv_fused)(f)))
}

func (o *own) free() { C.tv_own_free(o.made) }
