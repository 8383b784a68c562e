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
	"twinview/engine/cuda/kernels/gpu"
	"twinview/engine/lowering"
)

// engineName is what the engine records itself as.
const engineName = "cuda"

// Options say where and how a machine computes.
type Options struct {
	// Device is the GPU's number, from 0.
	Device int
	// Precision is the element type of activations and their gradients. In BFloat16 matrix products are in TF32.
	Precision Precision
	// TF32 lets products round their factors to TF32 in Float32 too.
	TF32 bool
	// Measure chooses each convolution's kernel by a short measurement, instead of by the tiles that it would leave empty. Then
	// two workers may choose differently, and round differently.
	Measure bool
}

// Compiler returns a compiler of machines on one GPU.
func Compiler(o Options) engine.Compiler {
	return func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded engine.Kernels) (engine.Machine, error) {
		number, err := numberOf(recorded, o)
		if err != nil {
			return nil, fmt.Errorf("compile graph for the GPU: %w", err)
		}
		d, err := open(o.Device)
		if err != nil {
			return nil, fmt.Errorf("compile graph for the GPU: %w", err)
		}
		m := &machine{
			device: d, memory: d.allocations(), visible: map[*gorgonia.Node][]float32{}, at: map[*lowering.Value]cu.DevicePtr{},
			nodes:   map[*gorgonia.Node]*lowering.Value{},
			kernels: engine.Kernels{engine.EngineKey: engineName, precisionKey: string(number)},
		}
		choose := &chooser{device: d, recorded: recorded, chosen: m.kernels, number: number, measure: o.Measure}
		if err := m.fit(func() error { return m.build(g, outputs, choose) }); err != nil {
			m.Close()
			return nil, fmt.Errorf("compile graph for cuda:%d: %w", o.Device, err)
		}
		m.step = m.run
		return m, nil
	}
}

type machine struct {
	device   *device
	memory   *allocations
	launches launches
	graph    *gpu.Graph // of all launches
	visible  map[*gorgonia.Node][]float32
	nodes    map[*gorgonia.Node]*lowering.Value // those that are visible
	at       map[*lowering.Value]cu.DevicePtr   // where those lie
	together together                           // the small ones of them
	read     []managed                          // the large results of a graph that does not train
	kernels  engine.Kernels
	step     func() error // run, made once
	demand   demand

	optimizers []*optimizer
	augmenters []*augmenter
	queues     []*queue
	stagings   []*staging

	// wrong is the first row whose label is no class, or noRow.
	wrong   []int32
	wrongAt cu.DevicePtr
	classes int
}

const noRow = math.MaxInt32

// together is managed memory that values share.
type together struct {
	at      cu.DevicePtr
	bytes   int
	offsets map[*lowering.Value]int
}

func (m *machine) build(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, choose *chooser) error {
	p, err := lowering.NewProgram(g, outputs)
	if err != nil {
		return err
	}
	rows := batchOf(p)
	p.InPrecision(precisionOf(choose.number))
	if err := choose.algorithms(p); err != nil {
		return err
	}
	p.Fuse(passing)
	layOut(p)
	all, err := compile(p, choose.number)
	if err != nil {
		return err
	}
	l := place(all, p.Visible())
	m.demand = demandOf(p, l, rows)
	return m.occupy(p, all, l)
}

// fit does on the device's thread what takes memory of it. Where there is not enough, the error says what would have fitted.
func (m *machine) fit(build func() error) error {
	return m.device.do(func() error {
		err := build()
		if errors.Is(err, errMemory) {
			return m.shortage()
		}
		return err
	})
}

// occupy takes the memory that the layout says and makes launches of all work.
func (m *machine) occupy(p *lowering.Program, all []*work, l layout) error {
	arena, err := m.allocate(l, p)
	if errors.Is(err, errMemory) { // data sets of earlier epochs make room
		if err = errors.Join(m.memory.free(), m.device.dropImages(nil)); err == nil {
			arena, err = m.allocate(l, p)
		}
	}
	if err != nil {
		return err
	}
	for _, seen := range []map[*gorgonia.Node]*lowering.Value{p.Leaves, p.Outputs} {
		for n, v := range seen {
			m.nodes[n] = v
			m.visible[n] = slice[float32](m.at[v], v.Elements())
		}
	}
	if !p.Trains() { // the gradients of one that does are nobody's business
		for _, v := range p.Outputs {
			if _, small := m.together.offsets[v]; !small {
				m.read = append(m.read, managed{v.Name, m.at[v], v.Bytes()})
			}
		}
	}
	for n := range p.Leaves {
		if bound := n.Value(); bound != nil {
			copy(m.visible[n], lowering.Elements(bound))
		}
	}
	if err := m.link(all, l, arena); err != nil {
		return err
	}
	if len(m.launches) == 0 {
		return nil
	}
	m.graph, err = gpu.Capture(m.device.Stream, func() error { return m.launches.run(m.device.Stream) })
	return err
}

// shortage gives everything back and says what would have fitted.
func (m *machine) shortage() error {
	if err := m.free(); err != nil {
		return err
	}
	return m.demand.shortage(m.device.ordinal)
}

// batchOf is the number of rows that go through the network at once: those of what the first instruction reads.
func batchOf(p *lowering.Program) int {
	if len(p.Instructions) == 0 || p.Instructions[0].Inputs[0].Shape.Dims() == 0 {
		return 1
	}
	return p.Instructions[0].Inputs[0].Shape[0]
}

// allocate finds memory for everything. Managed memory may be more than the device has, so what is free is asked for first.
func (m *machine) allocate(l layout, p *lowering.Program) (arena cu.DevicePtr, err error) {
	if arena, err = m.memory.onDevice(l.size); err != nil {
		return 0, err
	}
	free, _, err := freeMemory()
	if err != nil {
		return 0, err
	}
	alone, offsets, shared := shareOut(p)
	for _, v := range alone {
		free -= int64(aligned(v.Bytes()))
	}
	if free-int64(shared) < 0 {
		return 0, errMemory
	}
	for _, v := range alone {
		if m.at[v], err = m.memory.managed(v.Bytes()); err != nil {
			return 0, err
		}
	}
	at, err := m.memory.managed(shared)
	m.together = together{at, shared, offsets}
	for v, offset := range offsets {
		m.at[v] = at + cu.DevicePtr(offset)
	}
	if err != nil {
		return 0, err
	}
	// Managed memory was cleared, and the host may write it now.
	if err := cu.Synchronize(); err != nil {
		return 0, fmt.Errorf("clear the device's memory: %w", err)
	}
	return arena, nil
}

// shareOut divides what the caller sees into values with memory of their own and small results that share some: losses, statistics
// and the like, which move to the host together when the first of them is read.
func shareOut(p *lowering.Program) (alone []*lowering.Value, offsets map[*lowering.Value]int, bytes int) {
	const small = 64 << 10
	offsets = map[*lowering.Value]int{}
	leaf := map[*lowering.Value]bool{}
	for _, v := range p.Leaves {
		leaf[v] = true
	}
	for v := range p.Visible() {
		if leaf[v] || v.Bytes() > small {
			alone = append(alone, v)
			continue
		}
		offsets[v] = bytes
		bytes += aligned(v.Bytes())
	}
	return alone, offsets, bytes
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
				_, m.classes = w.Inputs[0].Rows()
				return m.watchLabels()
			case *lowering.Value:
				return m.address(a, l, arena)
			case part:
				base, err := m.address(a.of, l, arena)
				return base + uint64(a.element*a.of.Precision.Bytes()), err
			}
			return 0, fmt.Errorf("%T is no argument of a kernel", pointer)
		}
		for _, c := range w.calls {
			if err := m.launches.add(m.device, w.Out().Name, c, address); err != nil {
				return fmt.Errorf("compile %v for node %q: %w", w.Op, w.Out().Name, err)
			}
		}
	}
	return nil
}

func (m *machine) address(v *lowering.Value, l layout, arena cu.DevicePtr) (uint64, error) {
	if at, ok := m.at[v]; ok {
		return uint64(at), nil
	}
	offset, ok := l.values[v]
	if !ok {
		return 0, fmt.Errorf("value %q has no place", v.Name)
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

// begin asks the device for a run.
func (m *machine) begin() error {
	if m.graph == nil {
		return nil
	}
	if m.wrong != nil {
		if err := cu.MemsetD32Async(m.wrongAt, noRow, 1, m.device.Stream); err != nil {
			return fmt.Errorf("clear what was found of labels: %w", err)
		}
	}
	if err := m.device.move(m.read, cu.Device(m.device.ordinal)); err != nil {
		return err
	}
	if err := m.graph.Launch(m.device.Stream); err != nil {
		return fmt.Errorf("launch the graph: %w", err)
	}
	return m.device.move(m.read, host)
}

// run waits until it is done.
func (m *machine) run() error {
	err := m.begin()
	if err == nil {
		err = m.device.Stream.Synchronize()
	}
	if err != nil {
		return fmt.Errorf("run the graph on cuda:%d: %w", m.device.ordinal, err)
	}
	if m.wrong == nil {
		return nil
	}
	return m.labelError(m.wrong[0])
}

// labelError is the error for the first row whose label is no class.
func (m *machine) labelError(row int32) error {
	if row == noRow {
		return nil
	}
	return fmt.Errorf("the label of row %d is no class: want an integer from 0 to %d", row, m.classes-1)
}

// RunAll implements gorgonia.VM.
func (m *machine) RunAll() error { return m.device.do(m.step) }

// Reset implements gorgonia.VM: there is no program counter to reset.
func (m *machine) Reset() {}

// Close implements gorgonia.VM. It may be called more than once.
func (m *machine) Close() error {
	for _, q := range m.queues {
		if last := q.snapshots.last; last != nil { // which may still be wanted
			if err := last.wait(); err != nil {
				return errors.Join(err, m.device.do(m.free))
			}
		}
	}
	return m.device.do(m.free)
}

func (m *machine) free() error {
	err := m.device.Stream.Synchronize() // steps that nobody waited for
	if m.graph != nil {
		err = errors.Join(err, m.graph.Free())
	}
	m.launches.free()
	for _, o := range m.optimizers {
		o.launches.free()
	}
	for _, a := range m.augmenters {
		a.free()
	}
	for _, q := range m.queues {
		err = errors.Join(err, q.free())
	}
	for _, s := range m.stagings {
		err = errors.Join(err, s.free())
	}
	m.optimizers, m.augmenters, m.queues, m.stagings = nil, nil, nil, nil
	m.graph, m.launches, m.visible = nil, nil, nil
	return errors.Join(err, m.memory.free())
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
