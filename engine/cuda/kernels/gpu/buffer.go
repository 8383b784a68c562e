//go:build gpu

package gpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"unsafe"

	"gorgonia.org/cu"
)

// Address is where something lies in the device's memory.
type Address uint64

// Buffer is memory that the device alone sees.
type Buffer struct {
	Address
	Bytes  int
	device *Device
}

// NewBuffer allocates a number of bytes.
func (d *Device) NewBuffer(bytes int) (*Buffer, error) {
	b := &Buffer{Bytes: bytes, device: d}
	return b, d.Do(func() error {
		at, err := cu.MemAlloc(int64(bytes))
		if err != nil {
			return fmt.Errorf("allocate %d bytes on the device: %w", bytes, err)
		}
		b.Address = Address(at)
		return nil
	})
}

// Free gives the memory back.
func (b *Buffer) Free() error {
	return b.device.Do(func() error { return cu.MemFree(cu.DevicePtr(b.Address)) })
}

// Write copies into the buffer, from its beginning.
func (b *Buffer) Write(p []byte) error {
	return b.device.Do(func() error {
		return Upload(cu.DevicePtr(b.Address), unsafe.Pointer(&p[0]), len(p))
	})
}

// Upload copies bytes of the host to the device, and returns when they are there. It is for the context's thread.
func Upload(to cu.DevicePtr, from unsafe.Pointer, bytes int) error {
	if err := cu.MemcpyHtoD(to, from, int64(bytes)); err != nil {
		return fmt.Errorf("copy %d bytes to the device: %w", bytes, err)
	}
	return arrived()
}

// arrived returns when copies have ended that began with no stream. They may go on behind the call that began them, and the device's
// stream does not wait for them.
func arrived() error {
	if err := cu.Synchronize(); err != nil {
		return fmt.Errorf("wait for a copy to the device: %w", err)
	}
	return nil
}

// Read copies from the buffer, from a byte on.
func (b *Buffer) Read(p []byte, offset int) error {
	return b.device.Do(func() error {
		if err := cu.MemcpyDtoH(unsafe.Pointer(&p[0]), cu.DevicePtr(b.Address)+cu.DevicePtr(offset), int64(len(p))); err != nil {
			return fmt.Errorf("copy %d bytes from the device: %w", len(p), err)
		}
		return nil
	})
}

// Draw fills the buffer with normal numbers, which repeat after a while: bfloat16 where elements have 2 bytes, else float32. How
// fast a device multiplies depends on what it multiplies.
func (b *Buffer) Draw(elementSize int, deviation float64) error {
	const piece = 1 << 20
	random := rand.New(rand.NewPCG(1, 2))
	pattern := make([]byte, min(piece, b.Bytes))
	for i := 0; i+elementSize <= len(pattern); i += elementSize {
		bits := math.Float32bits(float32(deviation * random.NormFloat64()))
		if elementSize == 2 {
			*(*uint16)(unsafe.Pointer(&pattern[i])) = uint16(bits >> 16)
		} else {
			*(*uint32)(unsafe.Pointer(&pattern[i])) = bits
		}
	}
	if err := b.Write(pattern); err != nil {
		return err
	}
	return b.device.Do(func() error {
		for done := len(pattern); done < b.Bytes; {
			n := min(done, b.Bytes-done)
			if err := cu.MemcpyDtoD(cu.DevicePtr(b.Address)+cu.DevicePtr(done), cu.DevicePtr(b.Address), int64(n)); err != nil {
				return fmt.Errorf("copy %d bytes on the device: %w", n, err)
			}
			done += n
		}
		return arrived()
	})
}
