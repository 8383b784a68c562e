package cpu

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"twinview/model"
)

// plan is a compiled graph.
type plan struct {
	steps   []step
	visible map[*gorgonia.Node][]float32 // leaves and outputs
	owned   [][]float32
	kernels *kernels
}

// step is one instruction with its memory found.
type step struct {
	out *gorgonia.Node
	run func() error
}

func newPlan(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (*plan, error) {
	leaves, program, err := schedule(g, outputs)
	if err != nil {
		return nil, err
	}
	program = fuse(program, outputs)
	p := &plan{visible: map[*gorgonia.Node][]float32{}, kernels: newKernels()}
	if err := p.build(leaves, program, outputs); err != nil {
		p.free()
		return nil, err
	}
	return p, nil
}

func (p *plan) build(leaves []*gorgonia.Node, program []instruction, outputs gorgonia.Nodes) error {
	if err := p.bindLeaves(leaves); err != nil {
		return err
	}
	values, err := p.place(program, outputs)
	if err != nil {
		return err
	}
	for _, i := range program {
		run, err := p.kernels.compile(i, values)
		if err != nil {
			return fmt.Errorf("compile %v for node %q: %w", i.op, i.out.Name(), err)
		}
		if run != nil {
			p.steps = append(p.steps, step{i.out, run})
		}
	}
	return nil
}

// bindLeaves gives every leaf memory for the plan's life.
func (p *plan) bindLeaves(leaves []*gorgonia.Node) error {
	for _, n := range leaves {
		values, err := p.own(size(n))
		if err != nil {
			return err
		}
		if bound := n.Value(); bound != nil {
			copy(values, elements(bound))
		}
		p.visible[n] = values
	}
	return nil
}

// own allocates memory that lives as long as the plan.
func (p *plan) own(n int) ([]float32, error) {
	values, err := allocate(n)
	if err != nil {
		return nil, err
	}
	p.owned = append(p.owned, values)
	return values, nil
}

// alias tells that i's result is a part of its input's memory, and where.
func alias(i instruction) (offset int, ok bool) {
	switch op := i.op.(type) {
	case model.Row:
		return op.Index * size(i.out), true
	case model.Rows:
		return op.From * i.out.Shape()[1], true
	}
	return 0, false
}

// inPlace lists the inputs whose memory i may overwrite with its result.
func inPlace(i instruction) []int {
	switch i.op.(type) {
	case addition:
		return []int{0, 1}
	case normAddReLU:
		return []int{0}
	case model.ReLU:
		return []int{0}
	case model.ReLUGrad:
		return []int{1}
	case model.BatchNormInputGrad:
		return []int{3}
	}
	return nil
}

// storage is the memory that one or more nodes share, one after another or as parts.
type storage struct {
	at, size  int
	last      int // the last instruction that needs it
	permanent []float32
}

// place finds memory for every value and for the scratch of every instruction, reusing what is no longer needed. Outputs
// get memory of their own, for the caller to read.
func (p *plan) place(program []instruction, outputs gorgonia.Nodes) (*values, error) {
	v := &values{at: map[*gorgonia.Node]location{}, scratch: map[*gorgonia.Node]location{}}
	for n, memory := range p.visible {
		v.at[n] = location{&storage{size: len(memory), permanent: memory}, 0}
	}
	isOutput := map[*gorgonia.Node]bool{}
	for _, n := range outputs {
		isOutput[n] = true
	}
	last := lastUses(program)
	var a arena
	expiring := make([][]*storage, len(program))
	for at, i := range program {
		target, err := p.target(v, i, at, isOutput[i.out], last, &a)
		if err != nil {
			return nil, err
		}
		v.at[i.out] = target
		target.last = max(target.last, last[i.out], at)
		if n := scratchSize(i); n > 0 {
			s := &storage{at: a.take(n), size: n, last: at}
			v.scratch[i.out] = location{s, 0}
			expiring[at] = append(expiring[at], s)
		}
		if target.permanent == nil {
			expiring[target.last] = append(expiring[target.last], target.storage)
		}
		for _, s := range expiring[at] {
			if s.last == at && !s.freed() {
				a.give(s.at, s.size)
				s.size = 0
			}
		}
	}
	memory, err := p.own(max(a.size, alignment))
	v.arena = memory
	return v, err
}

// freed tells that the storage has been returned: it may stand in the list more than once.
func (s *storage) freed() bool { return s.size == 0 }

// target chooses where instruction number at puts its result.
func (p *plan) target(
	v *values, i instruction, at int, output bool, last map[*gorgonia.Node]int, a *arena,
) (location, error) {
	n := size(i.out)
	if output {
		memory, err := p.own(n)
		if err != nil {
			return location{}, err
		}
		p.visible[i.out] = memory
		return location{&storage{size: n, permanent: memory}, 0}, nil
	}
	if offset, ok := alias(i); ok {
		base := v.at[i.inputs[0]]
		return location{base.storage, base.offset + offset}, nil
	}
	for _, k := range inPlace(i) {
		input := v.at[i.inputs[k]]
		whole := input.offset == 0 && input.storage.size == n
		if whole && input.permanent == nil && input.last == at {
			return input, nil
		}
	}
	return location{&storage{at: a.take(n), size: n}, 0}, nil
}

// lastUses numbers the last instruction that reads each node. Reading a part is reading the whole: an alias keeps its
// base alive through the storage they share.
func lastUses(program []instruction) map[*gorgonia.Node]int {
	last := map[*gorgonia.Node]int{}
	for at, i := range program {
		for _, input := range i.inputs {
			last[input] = at
		}
	}
	return last
}

// location is a node's place: a storage and the offset in it.
type location struct {
	*storage
	offset int
}

// values finds the memory of nodes once it is allocated.
type values struct {
	at, scratch map[*gorgonia.Node]location
	arena       []float32
}

func (v *values) of(n *gorgonia.Node) []float32 { return v.slice(v.at[n], size(n)) }

func (v *values) scratchOf(i instruction) []float32 { return v.slice(v.scratch[i.out], scratchSize(i)) }

func (v *values) slice(l location, n int) []float32 {
	if l.permanent != nil {
		return l.permanent[l.offset:][:n:n]
	}
	return v.arena[l.storage.at+l.offset:][:n:n]
}

func (p *plan) run() error {
	for _, s := range p.steps {
		if err := s.run(); err != nil {
			return fmt.Errorf("compute node %q: %w", s.out.Name(), err)
		}
	}
	return nil
}

func (p *plan) free() {
	p.kernels.free()
	for _, memory := range p.owned {
		free(memory)
	}
	p.owned, p.visible, p.steps = nil, nil, nil
}

// size is the number of elements of a node; one for a scalar.
func size(n *gorgonia.Node) int { return n.Shape().TotalSize() }

// elements returns a float32 value's elements.
func elements(v gorgonia.Value) []float32 {
	switch data := v.Data().(type) {
	case float32:
		return []float32{data}
	case []float32:
		return data
	default:
		panic(fmt.Sprintf("engine/cpu: value of type %T in a float32 graph", data))
	}
}
