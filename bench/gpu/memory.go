//go:build gpu

package main

import (
	"errors"
	"math"
	"unsafe"

	"twinview/engine/cuda/kernels/gpu"
)

// memory holds the device's memory of one measurement. The first error stays.
type memory struct {
	device *gpu.Device
	owned  []*gpu.Buffer
	err    error
}

// empty is memory of a number of bytes, at least one.
func (m *memory) empty(bytes int) *gpu.Buffer {
	b, err := m.device.NewBuffer(max(bytes, 16))
	m.err = errors.Join(m.err, err)
	if err == nil {
		m.owned = append(m.owned, b)
	}
	return b
}

// normal is memory with n normal numbers.
func (m *memory) normal(elementSize, n int) *gpu.Buffer {
	b := m.empty(n * elementSize)
	if m.err == nil {
		m.err = b.Draw(elementSize, 1)
	}
	return b
}

// numbers is memory with these values.
func numbers[T any](m *memory, values ...T) *gpu.Buffer {
	size := len(values) * int(unsafe.Sizeof(values[0]))
	b := m.empty(size)
	if m.err == nil {
		m.err = b.Write(unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), size))
	}
	return b
}

func (m *memory) free() {
	for _, b := range m.owned {
		_ = b.Free() // the process ends soon
	}
	m.owned = nil
}

// ends are the numbers at the beginning and at the end of a buffer, up to a million in all.
func ends(b *gpu.Buffer, elementSize int) ([]float32, error) {
	const most = 1 << 20
	bytes := make([]byte, min(most, b.Bytes/2)*2)
	half := len(bytes) / 2 / elementSize * elementSize
	if err := b.Read(bytes[:half], 0); err != nil {
		return nil, err
	}
	if err := b.Read(bytes[half:2*half], b.Bytes-half); err != nil {
		return nil, err
	}
	var values []float32
	for at := 0; at < 2*half; at += elementSize {
		if elementSize == 2 {
			values = append(values, math.Float32frombits(uint32(*(*uint16)(unsafe.Pointer(&bytes[at])))<<16))
		} else {
			values = append(values, *(*float32)(unsafe.Pointer(&bytes[at])))
		}
	}
	return values, nil
}

// distance is the length of the difference, relative to that of a. It is NaN where a number is.
func distance(a, b []float32) float64 {
	difference, length := 0.0, 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		difference += d * d
		length += float64(a[i]) * float64(a[i])
	}
	if length == 0 {
		return math.Sqrt(difference)
	}
	return math.Sqrt(difference / length)
}
