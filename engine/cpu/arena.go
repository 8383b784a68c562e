package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// alignment of every value, in float32s: a cache line.
const alignment = 16

// allocate returns zeroed memory outside Go's heap, where oneDNN may keep addresses of it.
func allocate(floats int) ([]float32, error) {
	memory := C.tv_alloc(C.size_t(floats) * 4)
	if memory == nil {
		return nil, fmt.Errorf("allocate %d MiB: out of memory; a smaller batch size needs less", floats>>18)
	}
	held.Take(4 * int64(floats))
	return unsafe.Slice((*float32)(memory), floats), nil
}

// free takes back all of what allocate has given.
func free(memory []float32) {
	C.tv_free(address(memory))
	held.Give(4 * int64(len(memory)))
}

// floats is the address of the first element, as C wants it.
func floats(values []float32) *C.float { return (*C.float)(address(values)) }

func address(values []float32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(values)) }

func padded(n int) int { return (n + alignment - 1) / alignment * alignment }
