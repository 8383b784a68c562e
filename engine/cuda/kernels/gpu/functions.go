//go:build gpu

package gpu

// #include <cuda.h>
import "C"

import (
	"bytes"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
)

// Functions are the kernels of a context, loaded as they are asked for. They are used on the context's thread.
type Functions struct {
	modules   map[string]cu.Module
	functions map[string]*Function
}

// Function is a kernel in a context.
type Function struct {
	kernel   string
	function cu.Function
	shared   int // bytes that launches may ask for, beside those that the kernel takes by itself
}

// everywhere is how much shared memory every launch may take.
const everywhere = 48 << 10

// Find loads a kernel, and the module that has it where that is the first one wanted of it.
func (all *Functions) Find(kernel string) (*Function, error) {
	if f, ok := all.functions[kernel]; ok {
		return f, nil
	}
	of, err := kernels.ModuleOf(kernel)
	if err != nil {
		return nil, err
	}
	module, ok := all.modules[of.Name]
	if !ok {
		if module, err = load(of.PTX); err != nil {
			return nil, fmt.Errorf("load module %q of kernels, which need compute capability 8.0 and a driver of CUDA 12.0 or later: %w",
				of.Name, err)
		}
		all.modules[of.Name] = module
	}
	found, err := module.Function(kernel)
	if err != nil {
		return nil, fmt.Errorf("find kernel %q in module %q: %w", kernel, of.Name, err)
	}
	f := &Function{kernel: kernel, function: found}
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("load kernel %q: %w", kernel, err)
	}
	all.functions[kernel] = f
	return f, nil
}

// load has the driver make code of PTX. The error has what the driver says of that.
func load(ptx string) (cu.Module, error) {
	said := make([]byte, 8<<10)
	module, err := cu.LoadDataEx(ptx, &cu.JITErrorLogBuffer{Buffer: said})
	if text, _, _ := bytes.Cut(said, []byte{0}); err != nil && len(text) > 0 {
		return module, fmt.Errorf("%w: %s", err, bytes.TrimSpace(text))
	}
	return module, err
}

func newFunctions() Functions {
	return Functions{modules: map[string]cu.Module{}, functions: map[string]*Function{}}
}

func (f *Function) handle() C.CUfunction { return *(*C.CUfunction)(unsafe.Pointer(&f.function)) }

// load asks how much shared memory a kernel takes by itself. That brings its code to the device, too, which the driver puts off until
// something is asked of it or it is launched. The first launch could be in a capture, which may be too late.
func (f *Function) load() error {
	var static C.int
	err := failure(C.cuFuncGetAttribute(&static, C.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, f.handle()))
	f.shared = everywhere - int(static)
	return err
}

// allow lets launches have more shared memory than all may.
func (f *Function) allow(bytes int) error {
	if bytes <= f.shared {
		return nil
	}
	err := failure(C.cuFuncSetAttribute(f.handle(), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(bytes)))
	if err != nil {
		return fmt.Errorf("allow kernel %q %d bytes of shared memory: %w", f.kernel, bytes, err)
	}
	f.shared = bytes
	return nil
}
