package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"twinview/engine/cuda/kernels/host"
)

// allocation is an array in the device's memory.
type allocation struct {
	address uint64
	bytes   []byte
	// cells are what is known of its parts, once a kernel has touched it.
	cells []globalCell
}

// NewMemory allocates a number of bytes, aligned to 256 and poisoned. Kernels of this device find no other memory.
func (d *Device) NewMemory(size int) (*host.Memory, error) {
	place, err := syscall.Mmap(-1, 0, host.Room(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("allocate %d bytes: %w", size, err)
	}
	a := &allocation{}
	m := host.In(unsafe.Pointer(&place[0]), size, func() {
		d.forget(a)
		if err := syscall.Munmap(place); err != nil {
			panic(fmt.Sprintf("unreachable: the memory was mapped here: %v", err))
		}
	})
	a.address, a.bytes = m.Address(), m.Bytes()
	d.remember(a)
	return m, nil
}

func (d *Device) remember(a *allocation) {
	d.lock.Lock()
	defer d.lock.Unlock()
	at, _ := slices.BinarySearchFunc(d.allocations, a, byAddress)
	d.allocations = slices.Insert(d.allocations, at, a)
}

func (d *Device) forget(a *allocation) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.allocations = slices.DeleteFunc(d.allocations, func(other *allocation) bool { return other == a })
}

func byAddress(a, b *allocation) int { return cmp.Compare(a.address, b.address) }

func (a *allocation) has(address uint64, size int) bool {
	offset, n := address-a.address, uint64(len(a.bytes))
	return address >= a.address && offset <= n && n-offset >= uint64(size)
}

// find is the array that has all these bytes, or nil.
func (d *Device) find(address uint64, size int) *allocation {
	d.lock.Lock()
	defer d.lock.Unlock()
	at, found := slices.BinarySearchFunc(d.allocations, &allocation{address: address}, byAddress)
	if !found {
		at--
	}
	if at < 0 || !d.allocations[at].has(address, size) {
		return nil
	}
	return d.allocations[at]
}

// global is where a module's variable is.
func (d *Device) global(v *variable) (uint64, error) {
	a, ok := d.variables[v]
	if !ok {
		m, err := d.NewMemory(v.size)
		if err != nil {
			return 0, fmt.Errorf("place the variable %s: %w", v.name, err)
		}
		clear(m.Bytes())
		copy(m.Bytes(), v.initial)
		a = d.find(m.Address(), v.size)
		d.variables[v] = a
	}
	return a.address, nil
}

// near says which array an address is at or next to, for an error.
func (d *Device) near(address uint64) string {
	const nearby = 1 << 20
	d.lock.Lock()
	defer d.lock.Unlock()
	where, nearest := "in no array", int64(nearby)
	for _, a := range d.allocations {
		off, size := int64(address-a.address), int64(len(a.bytes))
		if distance := max(-off, off-size, 0); distance < nearest {
			where, nearest = fmt.Sprintf("at byte %d of an array of %d", off, size), distance
		}
	}
	return where
}
