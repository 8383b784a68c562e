//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"slices"
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
	owned  map[cu.DevicePtr]int64
	host   []hostMemory // page-locked
	spares *spares
}

type hostMemory struct {
	at    unsafe.Pointer
	bytes int
}

// spares is the page-locked memory that the machine before had, for the next one, which trains the next epoch: locking 100 MB takes
// longer than several steps.
type spares struct{ pieces []hostMemory }

// take returns a piece of a size, nil where there is none.
func (s *spares) take(bytes int) unsafe.Pointer {
	i := slices.IndexFunc(s.pieces, func(p hostMemory) bool { return p.bytes == bytes })
	if i < 0 {
		return nil
	}
	at := s.pieces[i].at
	s.pieces = slices.Delete(s.pieces, i, i+1)
	return at
}

// replace frees what nobody has taken, and keeps other pieces in its place.
func (s *spares) replace(pieces []hostMemory) error {
	var failed error
	for _, p := range s.pieces {
		if err := gpu.FreeHostMemory(p.at); err != nil {
			failed = errors.Join(failed, fmt.Errorf("free page-locked memory: %w", err))
		}
	}
	s.pieces = pieces
	return failed
}

func (d *device) allocations() *allocations { return &allocations{spares: &d.spares} }

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

// managed is memory that the device and the host see.
type managed struct {
	name  string // of what is there
	at    cu.DevicePtr
	bytes int
}

// host is CU_DEVICE_CPU.
const host = cu.Device(-1)

// move brings pieces to where they are written or read next, at once instead of page by page, behind what the stream has to do.
func (d *device) move(pieces []managed, to cu.Device) error {
	for _, p := range pieces {
		if err := p.at.MemPrefetchAsync(int64(p.bytes), to, d.Stream); err != nil {
			return fmt.Errorf("move %q between device and host: %w", p.name, err)
		}
	}
	return nil
}

// pinned allocates page-locked memory of the host, which the device copies to while the host goes on.
func (a *allocations) pinned(bytes int) (unsafe.Pointer, error) {
	at := a.spares.take(bytes)
	if at == nil {
		var err error
		if at, err = gpu.NewHostMemory(bytes); err != nil {
			return nil, fmt.Errorf("allocate %d bytes of page-locked memory: %w", bytes, err)
		}
	}
	a.host = append(a.host, hostMemory{at, bytes})
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
	if len(a.host) > 0 {
		failed = errors.Join(failed, a.spares.replace(a.host))
	}
	a.owned, a.host = nil, nil
	return failed
}

// slice sees managed memory as the caller does. It lies outside Go's heap.
func slice[T any](at cu.DevicePtr, n int) []T {
	return unsafe.Slice(*(**T)(unsafe.Pointer(&at)), n)
}
