package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"unsafe"

	"twinview/engine/lowering"
	"twinview/model"
)

// memory knows where every value lies.
type memory struct {
	at, scratch map[*value]location
	arena       []float32
}

// location is a value's place: a block of memory and the offset in it, in float32s.
type location struct {
	*block
	offset int
}

// block is memory that one or more values share, one after another or as parts.
type block struct {
	at, size  int // in the arena
	last      int // the last instruction that needs it
	permanent []float32
}

// freed tells that the block has been returned: it may stand in a list more than once.
func (b *block) freed() bool { return b.size == 0 }

// alias tells that i's result is a part of its input's memory, and where.
func alias(i instruction) (offset int, ok bool) {
	switch op := i.op.(type) {
	case model.Row:
		return op.Index * i.out().words(), true
	case model.Rows:
		return op.From * i.out().shape[1], true
	}
	return 0, false
}

// inPlace lists the inputs whose memory i may overwrite with its first result.
func inPlace(i instruction) []int {
	switch op := i.op.(type) {
	case addition:
		return []int{0, 1}
	case convolution:
		if op.accumulate {
			return []int{2}
		}
	case normAddReLU:
		return []int{0}
	case model.ReLU:
		return []int{0}
	case model.ReLUGrad:
		return []int{1}
	case normInputGrad, reluNormAffineGrad:
		return []int{3}
	}
	return nil
}

// place finds memory for every value and for the scratch of every instruction, reusing what is no longer needed. Leaves
// and outputs get memory of their own, for the caller.
func (p *plan) place(g *program) (*memory, error) {
	m := &memory{at: map[*value]location{}, scratch: map[*value]location{}}
	visible := map[*value]bool{}
	for _, v := range g.outputs {
		visible[v] = true
	}
	for _, v := range g.leaves {
		visible[v] = true
	}
	for v := range visible {
		owned, err := p.own(v.words())
		if err != nil {
			return nil, err
		}
		m.at[v] = location{&block{size: len(owned), permanent: owned}, 0}
	}
	last := lastUses(g.instructions)
	a := lowering.Arena{Alignment: alignment}
	expiring := make([][]*block, len(g.instructions))
	for at, i := range g.instructions {
		for number, out := range i.outs {
			if visible[out] {
				continue
			}
			target := m.target(i, number, at, &a)
			m.at[out] = target
			target.last = max(target.last, last[out], at)
			if target.permanent == nil {
				expiring[target.last] = append(expiring[target.last], target.block)
			}
		}
		if n := scratchSize(i); n > 0 {
			b := &block{at: a.Take(n), size: n, last: at}
			m.scratch[i.out()] = location{b, 0}
			expiring[at] = append(expiring[at], b)
		}
		for _, b := range expiring[at] {
			if b.last == at && !b.freed() {
				a.Give(b.at, b.size)
				b.size = 0
			}
		}
	}
	var err error
	m.arena, err = p.own(max(a.Size(), alignment))
	return m, err
}

// target chooses where instruction number at puts a result.
func (m *memory) target(i instruction, number, at int, a *lowering.Arena) location {
	n := i.outs[number].words()
	if number == 0 {
		if offset, ok := alias(i); ok {
			base := m.at[i.inputs[0]]
			return location{base.block, base.offset + offset}
		}
		for _, k := range inPlace(i) {
			input := m.at[i.inputs[k]]
			whole := input.offset == 0 && input.block.size == n
			if whole && input.permanent == nil && input.last == at {
				return input
			}
		}
	}
	return location{&block{at: a.Take(n), size: n}, 0}
}

// lastUses numbers the last instruction that reads each value. Reading a part is reading the whole: an alias keeps its
// base alive through the block they share.
func lastUses(instructions []instruction) map[*value]int {
	last := map[*value]int{}
	for at, i := range instructions {
		for _, input := range i.inputs {
			last[input] = at
		}
	}
	return last
}

// of is a float32 value's memory.
func (m *memory) of(v *value) []float32 { return m.slice(m.at[v], v.words()) }

func (m *memory) scratchOf(i instruction) []float32 {
	return m.slice(m.scratch[i.out()], scratchSize(i))
}

func (m *memory) slice(l location, n int) []float32 {
	if l.permanent != nil {
		return l.permanent[l.offset:][:n:n]
	}
	return m.arena[l.block.at+l.offset:][:n:n]
}

// pointer, floats and doubles are addresses as C wants them: of a value of any precision, of a float32 value, and of an
// instruction's scratch.
func (m *memory) pointer(v *value) unsafe.Pointer { return address(m.slice(m.at[v], v.words())) }

func (m *memory) floats(v *value) *C.float { return (*C.float)(m.pointer(v)) }

func (m *memory) doubles(i instruction) *C.double { return (*C.double)(address(m.scratchOf(i))) }
