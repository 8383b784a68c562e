//go:build gpu

package gpu

// #include <cuda.h>
// #include <stdlib.h>
import "C"

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
)

// Call is a kernel with its arguments, ready to be launched again and again.
type Call struct {
	function *Function
	shape    kernels.Launch
	// arguments are in C's memory, as the driver reads them: an array of pointers, and behind it what they point to.
	arguments unsafe.Pointer
}

// Call writes down a kernel's arguments: int32, int64, float32, float64, Address, whatever has an Address, and []byte for a struct
// by value. The caller frees it.
func (f *Function) Call(launch kernels.Launch, arguments ...any) (*Call, error) {
	values := make([][]byte, len(arguments))
	for i, argument := range arguments {
		var ok bool
		if values[i], ok = bytesOf(argument); !ok {
			return nil, fmt.Errorf("argument %d of kernel %q is a %T, want int32, int64, float32, float64, an Address or []byte", i, f.kernel, argument)
		}
	}
	if err := f.allow(launch.Shared); err != nil {
		return nil, err
	}
	return &Call{f, launch, inC(values)}, nil
}

// Launch asks for the kernel, behind what the stream has to do.
func (c *Call) Launch(s cu.Stream) error {
	g, b := c.shape.Grid, c.shape.Block
	err := failure(C.cuLaunchKernel(c.function.handle(), C.uint(g[0]), C.uint(g[1]), C.uint(g[2]), C.uint(b[0]), C.uint(b[1]),
		C.uint(b[2]), C.uint(c.shape.Shared), streamOf(s), (*unsafe.Pointer)(c.arguments), nil))
	if err != nil {
		return fmt.Errorf("launch kernel %q in a grid of %v blocks of %v threads with %d bytes of shared memory: %w",
			c.function.kernel, g, b, c.shape.Shared, err)
	}
	return nil
}

// Free gives the arguments' memory back.
func (c *Call) Free() { C.free(c.arguments) }

// inC copies the values to C's memory.
func inC(values [][]byte) unsafe.Pointer {
	const word = 8
	size := len(values) * word
	for _, v := range values {
		size += (len(v) + word - 1) / word * word
	}
	memory, offset := C.calloc(C.size_t(max(size, word)), 1), len(values)*word
	for i, v := range values {
		*(*unsafe.Pointer)(unsafe.Add(memory, i*word)) = unsafe.Add(memory, offset)
		copy(unsafe.Slice((*byte)(unsafe.Add(memory, offset)), len(v)), v)
		offset += (len(v) + word - 1) / word * word
	}
	return memory
}

func bytesOf(argument any) (bytes []byte, ok bool) {
	var word uint64
	switch a := argument.(type) {
	case int32:
		word = uint64(uint32(a))
	case int64:
		word = uint64(a)
	case float32:
		word = uint64(math.Float32bits(a))
	case float64:
		word = math.Float64bits(a)
	case Address:
		word = uint64(a)
	case interface{ Address() uint64 }:
		word = a.Address()
	case []byte:
		return a, true
	default:
		return nil, false
	}
	return binary.LittleEndian.AppendUint64(nil, word), true
}

// Prepare makes a call on the device's thread.
func (d *Device) Prepare(kernel string, launch kernels.Launch, arguments ...any) (c *Call, err error) {
	return c, d.Do(func() error {
		f, err := d.Functions.Find(kernel)
		if err == nil {
			c, err = f.Call(launch, arguments...)
		}
		return err
	})
}
