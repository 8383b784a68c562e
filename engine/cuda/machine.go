//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"maps"
	"math"

	"gorgonia.org/cu"
	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/engine/lowering"
)

// engineName is what the engine records itself as.
const engineName = "cuda"

const precisionKey = "precision"

// Options say where and how a machine computes.
type Options struct {
	// Device is the GPU's number, from 0.
	Device int
	// Precision is the element type of activations and their gradients.
	Precision Precision
}

// Compiler returns a compiler of machines on one GPU.
func Compiler(o Options) engine.Compiler {
	return func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded engine.Kernels) (engine.Machine, error) {
		precision, err := precisionOf(recorded, o.Precision)
		if err != nil {
			return nil, fmt.Errorf("compile graph for the GPU: %w", err)
		}
		d, err := open(o.Device)
		if err != nil {
			return nil, fmt.Errorf("compile graph for the GPU: %w", err)
		}
		m := &machine{
			device: d, memory: &allocations{}, visible: map[*gorgonia.Node][]float32{}, at: map[*value]cu.DevicePtr{},
			nodes:   map[*gorgonia.Node]*value{},
			kernels: engine.Kernels{engine.EngineKey: engineName, precisionKey: precision.String()},
		}
		if err := d.do(func() error { return m.build(g, outputs, precision) }); err != nil {
			m.Close()
			return nil, fmt.Errorf("compile graph for cuda:%d: %w", o.Device, err)
		}
		m.step = m.run
		return m, nil
	}
}

// precisionOf is the recorded precision, where there is a record.
func precisionOf(recorded engine.Kernels, otherwise Precision) (Precision, error) {
	if len(recorded) == 0 {
		return otherwise, nil
	}
	if recorded[engine.EngineKey] != engineName {
		return 0, fmt.Errorf("%w: the training was begun on a CPU: take a worker with --device cpu", engine.ErrUnsupported)
	}
	switch recorded[precisionKey] {
	case Float32.String():
		return Float32, nil
	case BFloat16.String():
		return BFloat16, nil
	}
	return 0, fmt.Errorf("%w: precision %q", engine.ErrUnsupported, recorded[precisionKey])
}

type machine struct {
	device   *device
	memory   *allocations
	launches []*launch
	visible  map[*gorgonia.Node][]float32
	nodes    map[*gorgonia.Node]*value // those that are visible
	at       map[*value]cu.DevicePtr   // where those lie
	kernels  engine.Kernels
	step     func() error // run, made once

	// wrong is the first row whose label is no class, or noRow.
	wrong   []int32
	wrongAt cu.DevicePtr
	classes int
}

const noRow = math.MaxInt32

func (m *machine) build(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, precision Precision) error {
	p, err := newProgram(g, outputs)
	if err != nil {
		return err
	}
	p.inPrecision(precision)
	all, err := p.compile()
	if err != nil {
		return err
	}
	visible, bytes := map[*value]bool{}, 0
	for _, seen := range []map[*gorgonia.Node]*value{p.leaves, p.outputs} {
		for n, v := range seen {
			m.nodes[n] = v
			if !visible[v] {
				visible[v] = true
				bytes += v.bytes()
			}
		}
	}
	l := place(all, visible)
	arena, err := m.allocate(l, visible)
	if errors.Is(err, errMemory) {
		if err := m.memory.free(); err != nil {
			return err
		}
		return shortage(l, bytes, p.batch())
	}
	if err != nil {
		return err
	}
	for n, v := range m.nodes {
		m.visible[n] = slice[float32](m.at[v], v.elements())
	}
	for n := range p.leaves {
		if bound := n.Value(); bound != nil {
			copy(m.visible[n], lowering.Elements(bound))
		}
	}
	return m.link(all, l, arena)
}

// allocate finds memory for everything. Managed memory may be more than the device has, so what is free is asked for first.
func (m *machine) allocate(l layout, visible map[*value]bool) (arena cu.DevicePtr, err error) {
	if arena, err = m.memory.onDevice(l.size); err != nil {
		return 0, err
	}
	free, _, err := cu.MemInfo()
	if err != nil {
		return 0, fmt.Errorf("ask the device for its free memory: %w", err)
	}
	for v := range visible {
		free -= int64((v.bytes() + alignment - 1) / alignment * alignment)
	}
	if free < 0 {
		return 0, errMemory
	}
	for v := range visible {
		if m.at[v], err = m.memory.managed(v.bytes()); err != nil {
			return 0, err
		}
	}
	return arena, nil
}

// link makes launches of all calls.
func (m *machine) link(all []*work, l layout, arena cu.DevicePtr) error {
	for _, w := range all {
		address := func(pointer any) (uint64, error) {
			switch a := pointer.(type) {
			case null:
				return 0, nil
			case scratch:
				return uint64(arena) + uint64(l.scratch[w]+int(a)), nil
			case wrongRow:
				_, m.classes = w.inputs[0].rows()
				return m.watchLabels()
			case *value:
				return m.address(a, l, arena)
			case part:
				base, err := m.address(a.of, l, arena)
				return base + uint64(a.element*a.of.precision.bytes()), err
			}
			return 0, fmt.Errorf("%T is no argument of a kernel", pointer)
		}
		for _, c := range w.calls {
			made, err := newLaunch(m.device, w.out.name, c, address)
			if err != nil {
				return fmt.Errorf("compile %v for node %q: %w", w.op, w.out.name, err)
			}
			m.launches = append(m.launches, made)
		}
	}
	return nil
}

func (m *machine) address(v *value, l layout, arena cu.DevicePtr) (uint64, error) {
	if at, ok := m.at[v]; ok {
		return uint64(at), nil
	}
	offset, ok := l.values[v]
	if !ok {
		return 0, fmt.Errorf("value %q has no place", v.name)
	}
	return uint64(arena) + uint64(offset), nil
}

func (m *machine) watchLabels() (uint64, error) {
	if m.wrong == nil {
		at, err := m.memory.managed(4)
		if err != nil {
			return 0, err
		}
		m.wrong, m.wrongAt = slice[int32](at, 1), at
	}
	return uint64(m.wrongAt), nil
}

// run launches everything and waits until it is done.
func (m *machine) run() error {
	if m.wrong != nil {
		m.wrong[0] = noRow
	}
	for _, l := range m.launches {
		if err := l.run(m.device.stream); err != nil {
			return err
		}
	}
	if err := m.device.stream.Synchronize(); err != nil {
		return fmt.Errorf("run the graph on cuda:%d: %w", m.device.ordinal, err)
	}
	if m.wrong != nil && m.wrong[0] != noRow {
		return fmt.Errorf("the label of row %d is no class: want an integer from 0 to %d", m.wrong[0], m.classes-1)
	}
	return nil
}

// RunAll implements gorgonia.VM.
func (m *machine) RunAll() error { return m.device.do(m.step) }

// Reset implements gorgonia.VM: there is no program counter to reset.
func (m *machine) Reset() {}

// Close implements gorgonia.VM. It may be called more than once.
func (m *machine) Close() error {
	m.launches, m.visible = nil, nil
	return m.device.do(m.memory.free)
}

// Values implements engine.Machine.
func (m *machine) Values(n *gorgonia.Node) []float32 {
	values, ok := m.visible[n]
	if !ok {
		panic(fmt.Sprintf("engine/cuda: %q is neither a leaf nor a declared output", n.Name()))
	}
	return values
}

// Kernels implements engine.Machine.
func (m *machine) Kernels() engine.Kernels { return maps.Clone(m.kernels) }
