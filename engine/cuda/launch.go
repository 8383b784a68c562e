//go:build gpu

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/gpu"
)

// launch is a call whose kernel and memory are found. It is made once: what it passes to the driver stays the same.
type launch struct {
	node string
	*gpu.Call
}

// launches are in the order in which they run. They belong to one machine.
type launches []launch

// add makes a launch of a call, whose pointers address finds.
func (all *launches) add(d *device, node string, c call, address func(pointer any) (uint64, error)) error {
	arguments := make([]any, len(c.arguments))
	for i, argument := range c.arguments {
		switch argument.(type) {
		case int32, int64, float32, float64:
			arguments[i] = argument
		default:
			at, err := address(argument)
			if err != nil {
				return fmt.Errorf("argument %d of kernel %q: %w", i, c.kernel, err)
			}
			arguments[i] = gpu.Address(at)
		}
	}
	if c.implicit {
		parameters, err := d.parameters(c.kernel, arguments)
		if err != nil {
			return fmt.Errorf("make parameters of kernel %q: %w", c.kernel, err)
		}
		arguments = []any{parameters}
	}
	f, err := d.Functions.Find(c.kernel)
	if err != nil {
		return err
	}
	made, err := f.Call(c.launch, arguments...)
	if err == nil {
		*all = append(*all, launch{node, made})
	}
	return err
}

func (all launches) run(s cu.Stream) error {
	for _, l := range all {
		if err := l.Launch(s); err != nil {
			return fmt.Errorf("compute node %q: %w", l.node, err)
		}
	}
	return nil
}

func (all launches) free() {
	for _, l := range all {
		l.Free()
	}
}

// parameters runs the kernel that makes an implicit GEMM's parameters, and reads them.
func (d *device) parameters(kernel string, arguments []any) ([]byte, error) {
	f, err := d.Functions.Find(kernel + "_parameters")
	if err != nil {
		return nil, err
	}
	at, err := cu.MemAlloc(kernels.ParameterBytes)
	if err != nil {
		return nil, fmt.Errorf("allocate memory for them: %w", err)
	}
	defer cu.MemFree(at)
	c, err := f.Call(kernels.ParametersLaunch(), append(arguments, gpu.Address(at))...)
	if err != nil {
		return nil, err
	}
	defer c.Free()
	if err := c.Launch(d.Stream); err != nil {
		return nil, err
	}
	if err := d.Stream.Synchronize(); err != nil {
		return nil, fmt.Errorf("run the kernel that makes them: %w", err)
	}
	made := make([]byte, kernels.ParameterBytes)
	if err := cu.MemcpyDtoH(unsafe.Pointer(&made[0]), at, int64(len(made))); err != nil {
		return nil, fmt.Errorf("read them: %w", err)
	}
	return made, nil
}
