package host

// #include <stdlib.h>
import "C"

import (
	"bytes"
	"fmt"
	"unsafe"
)

// guard is the number of bytes on either side of a Memory that nothing may write to.
const guard = 4096

// Memory stands for an array in the device's memory. New memory is poisoned: as numbers it is NaN, and so is what lies around
// it, so that a result which was made from it, or is missing, is seen.
type Memory struct {
	address unsafe.Pointer
	bytes   []byte
	whole   []byte
	free    func()
}

// NewMemory allocates a number of bytes, aligned to 256 as the device's memory is.
func NewMemory(size int) (*Memory, error) {
	base := C.aligned_alloc(256, C.size_t((Room(size)+255)/256*256))
	if base == nil {
		return nil, fmt.Errorf("allocate %d bytes: not enough memory", size)
	}
	return In(base, size, func() { C.free(base) }), nil
}

// Room is the number of bytes that a Memory of a number of bytes takes.
func Room(size int) int { return size + 2*guard }

// In is memory of a number of bytes in a place that has Room for it, is aligned to 256 and lies outside Go's heap; free gives the
// place back.
func In(place unsafe.Pointer, size int, free func()) *Memory {
	m := &Memory{address: unsafe.Add(place, guard), whole: unsafe.Slice((*byte)(place), Room(size)), free: free}
	m.bytes = m.whole[guard : guard+size]
	m.Poison()
	return m
}

// Poison makes all of it NaN again.
func (m *Memory) Poison() {
	for i := range m.whole {
		m.whole[i] = 0xff
	}
}

// At is the part of m from a byte on.
func (m *Memory) At(offset int) *Memory {
	return &Memory{address: unsafe.Add(m.address, offset), bytes: m.bytes[offset:]}
}

// Address is where it lies, for tables that kernels read; of nil it is a null pointer.
func (m *Memory) Address() uint64 {
	if m == nil {
		return 0
	}
	return uint64(uintptr(m.address))
}

// Bytes is the array itself.
func (m *Memory) Bytes() []byte { return m.bytes }

// Float32s, Float64s, Int32s and Bfloat16s see it as numbers; bfloat16 as its bits.
func (m *Memory) Float32s() []float32 { return numbers[float32](m) }

// Float64s sees the memory as float64.
func (m *Memory) Float64s() []float64 { return numbers[float64](m) }

// Int32s sees the memory as int32.
func (m *Memory) Int32s() []int32 { return numbers[int32](m) }

// Int64s sees the memory as int64.
func (m *Memory) Int64s() []int64 { return numbers[int64](m) }

// Bfloat16s sees the memory as the bits of bfloat16.
func (m *Memory) Bfloat16s() []uint16 { return numbers[uint16](m) }

func numbers[T any](m *Memory) []T {
	var one T
	return unsafe.Slice((*T)(m.address), len(m.bytes)/int(unsafe.Sizeof(one)))
}

// Check returns an error if anything was written around m.
func (m *Memory) Check() error {
	untouched := bytes.Repeat([]byte{0xff}, guard)
	if !bytes.Equal(m.whole[:guard], untouched) {
		return fmt.Errorf("something was written before the array of %d bytes", len(m.bytes))
	}
	if !bytes.Equal(m.whole[len(m.whole)-guard:], untouched) {
		return fmt.Errorf("something was written behind the array of %d bytes", len(m.bytes))
	}
	return nil
}

// Free gives the memory back; it and its parts must not be used afterwards.
func (m *Memory) Free() { m.free() }
