//go:build gpu

package cuda

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
)

// launch is a call whose kernel and memory are found. It is made once: what it passes to the driver stays the same.
type launch struct {
	node, kernel string
	function     cu.Function
	shape        kernels.Launch
	arguments    arguments
}

// launches are in the order in which they run. They belong to one machine.
type launches []*launch

// add makes a launch of a call, whose pointers address finds.
func (all *launches) add(d *device, node string, c call, address func(pointer any) (uint64, error)) error {
	values, err := c.values(address)
	if err == nil && c.implicit {
		values, err = d.parameters(c.kernel, values)
	}
	if err != nil {
		return fmt.Errorf("arguments of kernel %q: %w", c.kernel, err)
	}
	f, err := d.function(c.kernel)
	if err != nil {
		return err
	}
	const allowed = 48 << 10
	if c.launch.Shared > allowed {
		if err := allowShared(f, c.launch.Shared); err != nil {
			return fmt.Errorf("allow kernel %q %d bytes of shared memory: %w", c.kernel, c.launch.Shared, err)
		}
	}
	*all = append(*all, &launch{node, c.kernel, f, c.launch, newArguments(values)})
	return nil
}

func (all launches) run(s cu.Stream) error {
	for _, l := range all {
		if err := launchKernel(l.function, l.shape, s, l.arguments); err != nil {
			return fmt.Errorf("compute node %q: launch kernel %q: %w", l.node, l.kernel, err)
		}
	}
	return nil
}

func (all launches) free() {
	for _, l := range all {
		l.arguments.free()
	}
}

// values are the arguments' bytes.
func (c call) values(address func(pointer any) (uint64, error)) (values [][]byte, err error) {
	for i, argument := range c.arguments {
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
		default:
			if word, err = address(a); err != nil {
				return nil, fmt.Errorf("argument %d: %w", i, err)
			}
		}
		values = append(values, binary.LittleEndian.AppendUint64(nil, word))
	}
	return values, nil
}

// parameters runs the kernel that makes an implicit GEMM's parameters, and reads them.
func (d *device) parameters(kernel string, values [][]byte) ([][]byte, error) {
	f, err := d.function(kernel + "_parameters")
	if err != nil {
		return nil, err
	}
	at, err := cu.MemAlloc(kernels.ParameterBytes)
	if err != nil {
		return nil, fmt.Errorf("allocate memory for parameters: %w", err)
	}
	defer cu.MemFree(at)
	a := newArguments(append(values, binary.LittleEndian.AppendUint64(nil, uint64(at))))
	defer a.free()
	if err := launchKernel(f, kernels.ParametersLaunch(), d.stream, a); err != nil {
		return nil, fmt.Errorf("make parameters: %w", err)
	}
	if err := d.stream.Synchronize(); err != nil {
		return nil, fmt.Errorf("make parameters: %w", err)
	}
	made := make([]byte, kernels.ParameterBytes)
	if err := cu.MemcpyDtoH(unsafe.Pointer(&made[0]), at, int64(len(made))); err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	return [][]byte{made}, nil
}
