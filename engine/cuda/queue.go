//go:build gpu

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
	"gorgonia.org/gorgonia"

	"twinview/engine"
)

// queue has steps in the device's stream, one behind the other. What the caller reads of a step is copied to the host behind it, to
// a place that the next step does not touch.
type queue struct {
	machine   *machine
	optimizer *optimizer
	staging   map[*gorgonia.Node]*staging // of the leaves that were fed
	copies    []copyOut
	slots     [engine.QueueDepth]*slot
	// begun and ended count steps.
	begun, ended int
	snapshots    snapshots
}

// copyOut is a piece of the device's memory that a step's results are in, and where in a slot it goes.
type copyOut struct {
	from          cu.DevicePtr
	bytes, offset int
}

// slot is where a step's results are on the host, and the event behind them.
type slot struct {
	memory  unsafe.Pointer
	done    cu.Event
	results engine.Results
	// wrong is the first row whose label is no class, or noRow; broken tells of numbers that are not finite.
	wrong, broken *int32
}

// NewQueue implements engine.Queueing.
func (m *machine) NewQueue(o engine.Optimizer, read gorgonia.Nodes) (engine.Queue, error) {
	own, ok := o.(*optimizer)
	if !ok || own.machine != m {
		return nil, fmt.Errorf("queue steps on cuda:%d: the optimiser %T is none of this machine's", m.device.ordinal, o)
	}
	q := &queue{machine: m, optimizer: own, staging: map[*gorgonia.Node]*staging{}}
	err := m.fit(func() error {
		err := q.build(read)
		if err == nil {
			err = m.device.move(own.kept, cu.Device(m.device.ordinal))
		}
		if err == nil && own.bytes > 0 { // now, since nothing that was trained may be lost for want of it later
			err = q.snapshots.prepare(m.memory, own.bytes)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("queue steps on cuda:%d: %w", m.device.ordinal, err)
	}
	return q, nil
}

func (q *queue) build(read gorgonia.Nodes) error {
	m := q.machine
	offsets, size := map[*gorgonia.Node]int{}, 0
	add := func(from cu.DevicePtr, bytes int) (offset int) {
		offset = size
		q.copies = append(q.copies, copyOut{from, bytes, offset})
		size += aligned(bytes)
		return offset
	}
	together := add(m.together.at, m.together.bytes)
	for _, n := range read {
		m.Values(n) // panics
		v := m.nodes[n]
		if within, ok := m.together.offsets[v]; ok {
			offsets[n] = together + within
		} else {
			offsets[n] = add(m.at[v], v.Bytes())
		}
	}
	wrong, broken := -1, -1
	if m.wrong != nil {
		wrong = add(m.wrongAt, 4)
	}
	if q.optimizer.broken != nil {
		broken = add(q.optimizer.brokenAt, 4)
	}
	for i := range q.slots {
		memory, err := m.memory.pinned(size)
		if err != nil {
			return err
		}
		s := &slot{memory: memory}
		at := func(offset int) *int32 {
			if offset < 0 {
				return nil
			}
			return (*int32)(unsafe.Add(memory, offset))
		}
		s.wrong, s.broken = at(wrong), at(broken)
		s.results.Values = valuesIn(memory, offsets)
		if s.done, err = cu.MakeEvent(cu.DisableTiming | cu.BlockingSyncEvent); err != nil {
			return fmt.Errorf("make an event: %w", err)
		}
		q.slots[i] = s
	}
	m.queues = append(m.queues, q)
	return nil
}

func valuesIn(memory unsafe.Pointer, offsets map[*gorgonia.Node]int) func(n *gorgonia.Node) []float32 {
	values := map[*gorgonia.Node][]float32{}
	for n, offset := range offsets {
		values[n] = unsafe.Slice((*float32)(unsafe.Add(memory, offset)), n.Shape().TotalSize())
	}
	return func(n *gorgonia.Node) []float32 {
		v, ok := values[n]
		if !ok {
			panic(fmt.Sprintf("engine/cuda: the queue was not told that %q is read", n.Name()))
		}
		return v
	}
}

// Feed implements engine.Queue.
func (q *queue) Feed(leaf *gorgonia.Node, values []float32) error {
	to := q.machine.Values(leaf)
	if len(values) != len(to) {
		return fmt.Errorf("feed %q on cuda:%d: %d values, want %d", leaf.Name(), q.machine.device.ordinal, len(values), len(to))
	}
	if err := q.machine.device.do(func() error { return q.feed(leaf, values) }); err != nil {
		return fmt.Errorf("feed %q on cuda:%d: %w", leaf.Name(), q.machine.device.ordinal, err)
	}
	return nil
}

func (q *queue) feed(leaf *gorgonia.Node, values []float32) (err error) {
	s, ok := q.staging[leaf]
	if !ok {
		if s, err = q.machine.newStaging(len(values) * Float32.Bytes()); err != nil {
			return err
		}
		q.staging[leaf] = s
	}
	return send(s, q.machine.at[q.machine.nodes[leaf]], values, q.machine.device.Stream)
}

// Begin implements engine.Queue.
func (q *queue) Begin(rate float64, number int) error {
	if q.begun-q.ended == len(q.slots) {
		return fmt.Errorf("step %d on cuda:%d: %d steps have begun and none has ended", number, q.machine.device.ordinal, len(q.slots))
	}
	s := q.slots[q.begun%len(q.slots)]
	err := q.machine.device.do(func() error {
		if err := q.machine.begin(); err != nil {
			return err
		}
		if err := q.optimizer.begin(rate, number); err != nil {
			return err
		}
		for _, c := range q.copies {
			if err := cu.MemcpyDtoHAsync(unsafe.Add(s.memory, c.offset), c.from, int64(c.bytes), q.machine.device.Stream); err != nil {
				return fmt.Errorf("copy results to the host: %w", err)
			}
		}
		return s.done.Record(q.machine.device.Stream)
	})
	if err != nil {
		return fmt.Errorf("begin step %d on cuda:%d: %w", number, q.machine.device.ordinal, err)
	}
	q.begun++
	return nil
}

// End implements engine.Queue.
func (q *queue) End() (engine.Results, error) {
	if q.ended == q.begun {
		return engine.Results{}, fmt.Errorf("end a step on cuda:%d: none has begun", q.machine.device.ordinal)
	}
	s := q.slots[q.ended%len(q.slots)]
	q.ended++
	if err := q.machine.device.do(s.done.Synchronize); err != nil {
		return engine.Results{}, fmt.Errorf("run a step on cuda:%d: %w", q.machine.device.ordinal, err)
	}
	if s.wrong != nil {
		if err := q.machine.labelError(*s.wrong); err != nil {
			return engine.Results{}, err
		}
	}
	s.results.Finite = s.broken == nil || *s.broken == 0
	return s.results, nil
}

// free gives back what does not go with the machine's memory.
func (q *queue) free() error {
	for _, s := range q.slots {
		if err := cu.DestroyEvent(&s.done); err != nil {
			return fmt.Errorf("give an event back: %w", err)
		}
	}
	return q.snapshots.free()
}
