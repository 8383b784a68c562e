//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine"
	"twinview/engine/cuda/kernels/gpu"
)

// errMemory is wrapped where the device has no memory left, whatever was asked of it.
var errMemory error = cu.OutOfMemory

// freeMemory is what the device has left, less a 64th of all it has: that is for what the driver itself needs as work goes on, such as
// code and graphs.
func freeMemory() (free, total int64, err error) {
	const reserve = 64
	if free, total, err = cu.MemInfo(); err != nil {
		return 0, 0, fmt.Errorf("ask the device for its free memory: %w", err)
	}
	return max(0, free-total/reserve), total, nil
}

// held counts the memory of all machines of this process.
var held engine.Meter

// Memory is how many bytes of device memory the machines of this process hold now, and the most that they have held at once. It
// may be asked at any time.
func Memory() (now, peak int64) { return held.Held() }

// allocations are a machine's memory. They may be used on the device's thread alone.
type allocations struct {
	owned map[cu.DevicePtr]int64
	host  []unsafe.Pointer // page-locked
}

// onDevice allocates memory that only the device sees.
func (a *allocations) onDevice(bytes int) (cu.DevicePtr, error) {
	at, err := cu.MemAlloc(int64(max(bytes, alignment)))
	return a.keep(at, max(bytes, alignment), err)
}

// managed allocates zeroed memory that the device and the caller see, though not at once: it is the caller's while the device
// has nothing to do.
func (a *allocations) managed(bytes int) (cu.DevicePtr, error) {
	bytes = max(bytes, alignment)
	at, err := cu.MemAllocManaged(int64(bytes), cu.AttachGlobal)
	if at, err = a.keep(at, bytes, err); err != nil {
		return 0, err
	}
	if err := cu.MemsetD8(at, 0, int64(bytes)); err != nil {
		return 0, fmt.Errorf("clear %d bytes of the device's memory: %w", bytes, err)
	}
	return at, nil
}

// pinned allocates page-locked memory of the host, which the device copies to while the host goes on.
func (a *allocations) pinned(bytes int) (unsafe.Pointer, error) {
	at, err := gpu.NewHostMemory(bytes)
	if err != nil {
		return nil, fmt.Errorf("allocate %d bytes of page-locked memory: %w", bytes, err)
	}
	a.host = append(a.host, at)
	return at, nil
}

func (a *allocations) keep(at cu.DevicePtr, bytes int, err error) (cu.DevicePtr, error) {
	if err != nil {
		return 0, fmt.Errorf("allocate memory on the device: %w", err)
	}
	if a.owned == nil {
		a.owned = map[cu.DevicePtr]int64{}
	}
	a.owned[at] = int64(bytes)
	held.Take(int64(bytes))
	return at, nil
}

func (a *allocations) free() error {
	var failed error
	for at, bytes := range a.owned {
		held.Give(bytes)
		if err := cu.MemFree(at); err != nil {
			failed = errors.Join(failed, fmt.Errorf("free the device's memory: %w", err))
		}
	}
	for _, at := range a.host {
		if err := gpu.FreeHostMemory(at); err != nil {
			failed = errors.Join(failed, fmt.Errorf("free page-locked memory: %w", err))
		}
	}
	a.owned, a.host = nil, nil
	return failed
}

// slice sees managed memory as the caller does. It lies outside Go's heap.
func slice[T any](at cu.DevicePtr, n int) []T {
	return unsafe.Slice(*(**T)(unsafe.Pointer(&at)), n)
}
