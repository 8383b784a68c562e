//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
)

// errMemory is wrapped where the device has no memory left.
var errMemory = errors.New("out of device memory")

// allocations are a machine's memory. They may be used on the device's thread alone.
type allocations struct{ owned []cu.DevicePtr }

// onDevice allocates memory that only the device sees.
func (a *allocations) onDevice(bytes int) (cu.DevicePtr, error) {
	return a.keep(cu.MemAlloc(int64(max(bytes, alignment))))
}

// managed allocates zeroed memory that the device and the caller see, though not at once: it is the caller's while the device
// has nothing to do.
func (a *allocations) managed(bytes int) (cu.DevicePtr, error) {
	bytes = max(bytes, alignment)
	at, err := a.keep(cu.MemAllocManaged(int64(bytes), cu.AttachGlobal))
	if err != nil {
		return 0, err
	}
	if err := cu.MemsetD8(at, 0, int64(bytes)); err != nil {
		return 0, fmt.Errorf("clear %d bytes of the device's memory: %w", bytes, err)
	}
	return at, nil
}

func (a *allocations) keep(at cu.DevicePtr, err error) (cu.DevicePtr, error) {
	if errors.Is(err, cu.OutOfMemory) {
		return 0, errMemory
	}
	if err != nil {
		return 0, fmt.Errorf("allocate memory on the device: %w", err)
	}
	a.owned = append(a.owned, at)
	return at, nil
}

func (a *allocations) free() error {
	var failed error
	for _, at := range a.owned {
		if err := cu.MemFree(at); err != nil {
			failed = errors.Join(failed, fmt.Errorf("free the device's memory: %w", err))
		}
	}
	a.owned = nil
	return failed
}

// slice sees managed memory as the caller does. It lies outside Go's heap.
func slice[T any](at cu.DevicePtr, n int) []T {
	return unsafe.Slice(*(**T)(unsafe.Pointer(&at)), n)
}
