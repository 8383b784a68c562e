package emulator

import (
	"fmt"
	"slices"
	"sync"

	"twinview/engine/cuda/kernels"
)

// Device runs the kernels of some modules on this processor.
type Device struct {
	texts    map[string]kernels.Module
	kernels  map[string]string // the module of each
	modules  map[string]*module
	programs map[string]*program
	reversed bool
	launches uint32   // so far
	spare    []*block // of the last launches

	lock        sync.Mutex // of allocations
	allocations []*allocation
	variables   map[*variable]*allocation
}

// New is a device that has these modules.
func New(modules map[string]kernels.Module) *Device {
	d := &Device{texts: modules, kernels: map[string]string{}, modules: map[string]*module{}, programs: map[string]*program{},
		variables: map[*variable]*allocation{}}
	for name, m := range modules {
		for _, kernel := range m.Kernels {
			d.kernels[kernel] = name
		}
	}
	return d
}

// Reverse makes the launches that follow begin with the last block, the last warp and the last thread of it; or with the first
// again. What comes out must be the same.
func (d *Device) Reverse(reversed bool) error {
	d.reversed = reversed
	return nil
}

// program is a kernel, decoded the first time that it is asked for.
func (d *Device) program(kernel string) (*program, error) {
	if p, ok := d.programs[kernel]; ok {
		return p, nil
	}
	name, ok := d.kernels[kernel]
	if !ok {
		return nil, fmt.Errorf("no kernel is called %q: see engine/cuda/kernels", kernel)
	}
	m, ok := d.modules[name]
	if !ok {
		var err error
		if m, err = parse(name, d.texts[name].PTX); err != nil {
			return nil, err
		}
		d.modules[name] = m
	}
	p, err := link(m, m.functions[kernel], d.global)
	if err != nil {
		return nil, err
	}
	d.programs[kernel] = p
	return p, nil
}

const (
	mostThreads = 1024
	mostZ       = 64
	mostBlocks  = 65535      // along y and z
	mostStatic  = 48 << 10   // bytes of shared memory that a kernel may take by itself
	mostShared  = 163 << 10  // and with what a launch asks for, on a device of compute capability 8.0
	mostValues  = 4352 - 256 // bytes of parameters
	mostAlongX  = 1<<31 - 1
)

// Launch runs a kernel to its end. Arguments are int32, int64, float32, float64, *host.Memory of this device and, for a struct by
// value, []byte, of at least its size. A nil *host.Memory is NULL. The error says which thread did what at which line of the PTX.
func (d *Device) Launch(kernel string, launch kernels.Launch, arguments ...any) (err error) {
	p, err := d.program(kernel)
	if err != nil {
		return err
	}
	if err := p.check(launch); err != nil {
		return fmt.Errorf("launch %s: %w", kernel, err)
	}
	values, err := d.values(p, arguments)
	if err != nil {
		return fmt.Errorf("launch %s: %w", kernel, err)
	}
	d.launches++
	b := newBlock(d, p, launch, values)
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case fault:
			err = failure.error
		case byZero:
			err = b.current.divided()
		default:
			panic(failure)
		}
	}()
	defer d.keep(b)
	grid := launch.Grid
	blocks := grid[0] * grid[1] * grid[2]
	for i := range blocks {
		b.run(b.turn(i, blocks))
	}
	return nil
}

// check compares a launch with what a device allows.
func (p *program) check(launch kernels.Launch) error {
	threads := launch.Block[0] * launch.Block[1] * launch.Block[2]
	if slices.Min(launch.Block[:]) < 1 || threads > mostThreads || launch.Block[2] > mostZ {
		return fmt.Errorf("a block of %v: want 1 to %d threads, of them at most %d along z", launch.Block, mostThreads, mostZ)
	}
	if p.kernel.most > 0 && threads > p.kernel.most {
		return fmt.Errorf("a block of %v: the kernel was compiled for at most %d threads", launch.Block, p.kernel.most)
	}
	if slices.Min(launch.Grid[:]) < 1 || launch.Grid[0] > mostAlongX || max(launch.Grid[1], launch.Grid[2]) > mostBlocks {
		return fmt.Errorf("a grid of %v: want at least one block, and at most %d along y and z", launch.Grid, mostBlocks)
	}
	if p.static > mostStatic || p.static+launch.Shared > mostShared {
		return fmt.Errorf("%d bytes of shared memory and %d by the launch: want at most %d and %d together", p.static, launch.Shared,
			mostStatic, mostShared)
	}
	return nil
}
