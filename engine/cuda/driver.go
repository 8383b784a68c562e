//go:build gpu

package cuda

// #include <cuda.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
)

// What the engine asks of the driver and gorgonia.org/cu does not have: arguments of more than 8 bytes, more shared memory than
// 48 KiB, page-locked memory, and graphs. cu's types hold the driver's handle and nothing else.

func functionOf(f cu.Function) C.CUfunction { return *(*C.CUfunction)(unsafe.Pointer(&f)) }
func streamOf(s cu.Stream) C.CUstream       { return *(*C.CUstream)(unsafe.Pointer(&s)) }

// arguments are a launch's in C's memory, as the driver reads them: an array of pointers, and behind it what they point to.
type arguments struct{ memory unsafe.Pointer }

// newArguments copies the values. The caller frees them.
func newArguments(values [][]byte) arguments {
	const word = 8
	size := len(values) * word
	for _, v := range values {
		size += (len(v) + word - 1) / word * word
	}
	a := arguments{C.calloc(C.size_t(max(size, word)), 1)}
	offset := len(values) * word
	for i, v := range values {
		*(*unsafe.Pointer)(unsafe.Add(a.memory, i*word)) = unsafe.Add(a.memory, offset)
		copy(unsafe.Slice((*byte)(unsafe.Add(a.memory, offset)), len(v)), v)
		offset += (len(v) + word - 1) / word * word
	}
	return a
}

func (a arguments) free() { C.free(a.memory) }

func launchKernel(f cu.Function, shape kernels.Launch, s cu.Stream, a arguments) error {
	g, b := shape.Grid, shape.Block
	return failure(C.cuLaunchKernel(functionOf(f), C.uint(g[0]), C.uint(g[1]), C.uint(g[2]), C.uint(b[0]), C.uint(b[1]),
		C.uint(b[2]), C.uint(shape.Shared), streamOf(s), (*unsafe.Pointer)(a.memory), nil))
}

// allowShared lets launches of a kernel have more than 48 KiB of shared memory.
func allowShared(f cu.Function, bytes int) error {
	return failure(C.cuFuncSetAttribute(functionOf(f), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(bytes)))
}

// loadFunction brings a kernel's code to the device, which the driver puts off until something is asked of it or it is launched.
// The first launch could be in a capture, which may be too late.
func loadFunction(f cu.Function) error {
	var registers C.int
	return failure(C.cuFuncGetAttribute(&registers, C.CU_FUNC_ATTRIBUTE_NUM_REGS, functionOf(f)))
}

func allocateHost(bytes int) (at unsafe.Pointer, err error) {
	err = failure(C.cuMemHostAlloc(&at, C.size_t(bytes), 0))
	return at, err
}

func freeHost(at unsafe.Pointer) error { return failure(C.cuMemFreeHost(at)) }

// graph is work that the device does as often as it is asked to, at once.
type graph struct{ made C.CUgraphExec }

// capture makes a graph of what f asks a stream for, which is not done meanwhile.
func capture(s cu.Stream, f func() error) (*graph, error) {
	if err := failure(C.cuStreamBeginCapture(streamOf(s), C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)); err != nil {
		return nil, fmt.Errorf("begin to capture a stream: %w", err)
	}
	asked := f()
	var captured C.CUgraph
	err := failure(C.cuStreamEndCapture(streamOf(s), &captured))
	if asked != nil {
		return nil, asked
	}
	if err != nil {
		return nil, fmt.Errorf("end the capture of a stream: %w", err)
	}
	defer C.cuGraphDestroy(captured)
	g := &graph{}
	if err := failure(C.cuGraphInstantiateWithFlags(&g.made, captured, 0)); err != nil {
		return nil, fmt.Errorf("make a graph of what was captured: %w", err)
	}
	return g, nil
}

func (g *graph) launch(s cu.Stream) error { return failure(C.cuGraphLaunch(g.made, streamOf(s))) }

func (g *graph) free() error { return failure(C.cuGraphExecDestroy(g.made)) }

// failure makes an error of what the driver answers.
func failure(answer C.CUresult) error {
	if answer == C.CUDA_SUCCESS {
		return nil
	}
	var name *C.char
	if C.cuGetErrorName(answer, &name) != C.CUDA_SUCCESS || name == nil {
		return fmt.Errorf("the driver answers %d", int(answer))
	}
	return fmt.Errorf("the driver answers %s", C.GoString(name))
}
