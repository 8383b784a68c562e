package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"slices"
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
	held.take(4 * int64(floats))
	return unsafe.Slice((*float32)(memory), floats), nil
}

// free takes back all of what allocate has given.
func free(memory []float32) {
	C.tv_free(address(memory))
	held.give(4 * int64(len(memory)))
}

// floats is the address of the first element, as C wants it.
func floats(values []float32) *C.float { return (*C.float)(address(values)) }

func address(values []float32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(values)) }

// hole is free space in the arena: [from, to), in float32s.
type hole struct{ from, to int }

// arena hands out places in memory that is allocated only once all places are known.
type arena struct {
	holes []hole // ordered, never adjacent
	size  int    // the most ever used at once, as placed
}

// take finds a place in the smallest hole that fits, else at the end.
func (a *arena) take(n int) int {
	n = padded(n)
	best := -1
	for i, h := range a.holes {
		if h.to-h.from >= n && (best < 0 || h.to-h.from < a.holes[best].to-a.holes[best].from) {
			best = i
		}
	}
	if best < 0 {
		return a.grow(n)
	}
	from := a.holes[best].from
	if a.holes[best].from += n; a.holes[best].from == a.holes[best].to {
		a.holes = slices.Delete(a.holes, best, best+1)
	}
	return from
}

// grow takes n at the end, starting in the last hole if that reaches the end.
func (a *arena) grow(n int) int {
	from := a.size
	if last := len(a.holes) - 1; last >= 0 && a.holes[last].to == a.size {
		from = a.holes[last].from
		a.holes = a.holes[:last]
	}
	a.size = from + n
	return from
}

// give returns the place of n float32s at from.
func (a *arena) give(from, n int) {
	freed := hole{from, from + padded(n)}
	at, _ := slices.BinarySearchFunc(a.holes, freed, func(h, f hole) int { return h.from - f.from })
	if at < len(a.holes) && a.holes[at].from == freed.to {
		freed.to = a.holes[at].to
		a.holes = slices.Delete(a.holes, at, at+1)
	}
	if at > 0 && a.holes[at-1].to == freed.from {
		a.holes[at-1].to = freed.to
		return
	}
	a.holes = slices.Insert(a.holes, at, freed)
}

func padded(n int) int { return (n + alignment - 1) / alignment * alignment }
