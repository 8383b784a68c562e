package main

// Elsewhere than on Linux OpenMP comes from flags in the environment (scripts/onednn.sh), or not at all.

// #cgo CXXFLAGS: -std=c++17 -O2 -Wall -Wextra -Wno-unknown-pragmas
// #cgo LDFLAGS: -ldnnl
// #cgo linux CXXFLAGS: -fopenmp
// #cgo linux LDFLAGS: -fopenmp
// #include "onednn.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// element is a type of tensor elements.
type element uint32

const (
	float32s  element = C.BENCH_FLOAT32
	bfloat16s element = C.BENCH_BFLOAT16
)

func (e element) String() string {
	if e == bfloat16s {
		return "bfloat16"
	}
	return "float32"
}

// direction is what a convolution computes.
type direction uint32

const (
	forward    direction = C.BENCH_FORWARD
	inputGrad  direction = C.BENCH_INPUT_GRAD
	weightGrad direction = C.BENCH_WEIGHT_GRAD
)

func (d direction) String() string {
	return [...]string{"forward", "input gradient", "weight gradient"}[d]
}

func oneDNNVersion() string { return C.GoString(C.bench_onednn_version()) }

// library runs functions on an OS thread of its own, since an OpenMP team belongs to the thread that calls it. The
// engine has another one, see settle.
var library = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		C.bench_set_threads(C.int(runtime.GOMAXPROCS(0)))
		for do := range work {
			do()
		}
	}()
	return work
})

func onLibraryThread(do func() error) error {
	done := make(chan error, 1)
	library() <- func() { done <- do() }
	return <-done
}

// libraryConvolution is one of oneDNN's ways to compute a convolution.
type libraryConvolution struct {
	// layout says how the tensors lie, for the record.
	layout string
	handle *C.bench_convolution
	took   samples
}

// libraryConvolutions are all ways that oneDNN has, at least one.
func libraryConvolutions(l layer, d direction, p precision) ([]*libraryConvolution, error) {
	var ways []*libraryConvolution
	var failures []error
	for _, grads := range p.weightGrads {
		if d != weightGrad && grads != p.element {
			continue
		}
		for anyLayout, layout := range []string{"NHWC", "oneDNN's layout"} {
			if d == weightGrad && len(p.weightGrads) > 1 {
				layout += ", " + grads.String() + " gradient"
			}
			way := &libraryConvolution{layout: layout}
			variant := C.bench_convolution_variant{
				direction: uint32(d), _type: uint32(p.element), weight_grad: uint32(grads), any_layout: C.int(anyLayout),
			}
			err := onLibraryThread(func() error { return failure(C.bench_convolution_new(l.c(), variant, &way.handle)) })
			if err != nil {
				failures = append(failures, err)
				continue
			}
			ways = append(ways, way)
		}
	}
	if len(ways) == 0 {
		return nil, fmt.Errorf("make %v of %v in %s: %w", d, l, p.name, errors.Join(failures...))
	}
	return ways, nil
}

// run computes it once.
func (c *libraryConvolution) run() (seconds float64, err error) {
	err = onLibraryThread(func() error {
		var took C.double
		err := failure(C.bench_convolution_run(c.handle, &took))
		seconds = float64(took)
		return err
	})
	return seconds, err
}

func (c *libraryConvolution) close() {
	// oneDNN counts its users by thread.
	onLibraryThread(func() error {
		C.bench_convolution_free(c.handle)
		return nil
	})
}

// c is the layer as the C side describes it.
func (l layer) c() C.bench_convolution_shape {
	return C.bench_convolution_shape{
		batch: C.int64_t(l.batch), height: C.int64_t(l.size), width: C.int64_t(l.size), in: C.int64_t(l.in),
		out: C.int64_t(l.out), kernel: C.int64_t(l.kernel), stride: C.int64_t(l.stride), pad: C.int64_t(l.pad),
	}
}

// failure makes an error of a message, which must be read on the thread that called.
func failure(message *C.char) error {
	if message == nil {
		return nil
	}
	return errors.New(C.GoString(message))
}
