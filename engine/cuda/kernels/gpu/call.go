//go:build gpu

package gpu

// #include <cuda.h>
import "C"

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
)

// Call is a kernel with its arguments, ready to be launched again and again.
type Call struct {
	kernel    string
	function  cu.Function
	shape     kernels.Launch
	words     []uint64
	arguments []unsafe.Pointer // one to each word
}

// Prepare loads a kernel and writes down its arguments. A struct by value, []byte, has to be the only one.
func (d *Device) Prepare(kernel string, launch kernels.Launch, arguments ...any) (*Call, error) {
	words, err := wordsOf(arguments)
	if err != nil {
		return nil, fmt.Errorf("launch %s: %w", kernel, err)
	}
	c := &Call{kernel: kernel, shape: launch, words: words}
	for i := range words {
		c.arguments = append(c.arguments, unsafe.Pointer(&words[i]))
	}
	err = d.do(func() error {
		var err error
		if c.function, err = d.function(kernel); err != nil {
			return err
		}
		return d.allow(kernel, c.function, launch.Shared)
	})
	return c, err
}

func (c *Call) launch(s cu.Stream) error {
	g, b := c.shape.Grid, c.shape.Block
	if err := c.function.Launch(g[0], g[1], g[2], b[0], b[1], b[2], c.shape.Shared, s, c.arguments); err != nil {
		return fmt.Errorf("launch kernel %q in a grid of %v blocks of %v threads with %d bytes of shared memory: %w", c.kernel, g, b,
			c.shape.Shared, err)
	}
	return nil
}

func (d *Device) function(kernel string) (cu.Function, error) {
	if f, ok := d.functions[kernel]; ok {
		return f, nil
	}
	of, err := kernels.ModuleOf(kernel)
	if err != nil {
		return cu.Function{}, err
	}
	module, ok := d.modules[of.Name]
	if !ok {
		if module, err = cu.LoadData(of.PTX); err != nil {
			return cu.Function{}, fmt.Errorf("load module %q: %w", of.Name, err)
		}
		d.modules[of.Name] = module
	}
	f, err := module.Function(kernel)
	if err != nil {
		return cu.Function{}, fmt.Errorf("find kernel %q in module %q: %w", kernel, of.Name, err)
	}
	d.functions[kernel] = f
	return f, nil
}

// allow lets a kernel have more shared memory than every launch may ask for. Package cu has no such call.
func (d *Device) allow(kernel string, f cu.Function, bytes int) error {
	const everywhere = 48 << 10
	if bytes <= max(everywhere, d.allowed[kernel]) {
		return nil
	}
	result := C.cuFuncSetAttribute(*(*C.CUfunction)(unsafe.Pointer(&f)), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
		C.int(bytes))
	if result != C.CUDA_SUCCESS {
		return fmt.Errorf("allow kernel %q %d bytes of shared memory: the driver answers %d", kernel, bytes, int(result))
	}
	d.allowed[kernel] = bytes
	return nil
}

// wordsOf writes each argument into a word, as the driver reads it. Package cu hands on a copy in which the words follow each
// other: so a struct that is the only argument is as many words as it takes.
func wordsOf(arguments []any) ([]uint64, error) {
	var words []uint64
	for i, argument := range arguments {
		switch a := argument.(type) {
		case int32:
			words = append(words, uint64(uint32(a)))
		case int64:
			words = append(words, uint64(a))
		case float32:
			words = append(words, uint64(math.Float32bits(a)))
		case float64:
			words = append(words, math.Float64bits(a))
		case Address:
			words = append(words, uint64(a))
		case *host.Memory:
			word := uint64(0)
			if a != nil {
				word = a.Address()
			}
			words = append(words, word)
		case []byte:
			if len(arguments) != 1 || len(a)%8 != 0 {
				return nil, fmt.Errorf("a struct of %d bytes by value has to be the only argument, in whole words", len(a))
			}
			for ; len(a) > 0; a = a[8:] {
				words = append(words, binary.NativeEndian.Uint64(a))
			}
		default:
			return nil, fmt.Errorf("argument %d is a %T, want int32, int64, float32, float64, Address, *host.Memory or []byte", i, a)
		}
	}
	return words, nil
}
