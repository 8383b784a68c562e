//go:build gpu

package gpu

// #include <cuda.h>
import "C"

import (
	"unsafe"

	"gorgonia.org/cu"
)

// What is asked of the driver and gorgonia.org/cu does not have: arguments of more than 8 bytes, more shared memory than 48 KiB,
// page-locked memory, and graphs. cu's types hold the driver's handle and nothing else.

func streamOf(s cu.Stream) C.CUstream { return *(*C.CUstream)(unsafe.Pointer(&s)) }

// NewHostMemory allocates page-locked memory of the host, which the device copies to and from while the host goes on.
func NewHostMemory(bytes int) (at unsafe.Pointer, err error) {
	err = failure(C.cuMemHostAlloc(&at, C.size_t(bytes), 0))
	return at, err
}

// FreeHostMemory gives it back.
func FreeHostMemory(at unsafe.Pointer) error { return failure(C.cuMemFreeHost(at)) }

// failure makes an error of what the driver answers, the one that package cu has for it.
func failure(answer C.CUresult) error {
	if answer == C.CUDA_SUCCESS {
		return nil
	}
	return like(cu.Success, int(answer))
}

// like has the type of an error of package cu, which does not export it.
func like[T interface {
	~int
	error
}](_ T, answer int) error {
	return T(answer)
}
