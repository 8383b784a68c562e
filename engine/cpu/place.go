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
	at, scratch map[*lowering.Value]location
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
func alias(i lowering.Instruction) (offset int, ok bool) {
	switch op := i.Op.(type) {
	case model.Row:
		return op.Index * words(i.Out()), true
	case model.Rows:
		return op.From * i.Out().Shape[1], true
	}
	return 0, false
}

// inPlace lists the inputs whose memory i may overwrite with its first result.
func inPlace(i lowering.Instruction) []int {
	switch op := i.Op.(type) {
	case lowering.Addition:
		return []int{0, 1}
	case lowering.Convolution:
		if op.Accumulate {
			return []int{2}
		}
	case lowering.NormAddReLU:
		return []int{0}
	case model.ReLU:
		return []int{0}
	case model.ReLUGrad:
		return []int{1}
	case lowering.NormInputGrad, lowering.ReLUNormAffineGrad:
		return []int{3}
	}
	return nil
}

// place finds memory for every value and for the scratch of every instruction, reusing what is no longer needed. Leaves
// and outputs get memory of their own, for the caller.
func (p *plan) place(g *lowering.Program) (*memory, error) {
	m := &memory{at: map[*lowering.Value]location{}, scratch: map[*lowering.Value]location{}}
	visible := g.Visible()
	for v := range visible {
		owned, err := p.own(words(v))
		if err != nil {
			return nil, err
		}
		m.at[v] = location{&block{size: len(owned), permanent: owned}, 0}
	}
	// Reading a part is reading the whole: an alias keeps its base alive through the block they share.
	last := g.LastUses()
	a := lowering.Arena{Alignment: alignment}
	expiring := make([][]*block, len(g.Instructions))
	for at, i := range g.Instructions {
		for number, out := range i.Outs {
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
			m.scratch[i.Out()] = location{b, 0}
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
func (m *memory) target(i lowering.Instruction, number, at int, a *lowering.Arena) location {
	n := words(i.Outs[number])
	if number == 0 {
		if offset, ok := alias(i); ok {
			base := m.at[i.Inputs[0]]
			return location{base.block, base.offset + offset}
		}
		for _, k := range inPlace(i) {
			input := m.at[i.Inputs[k]]
			whole := input.offset == 0 && input.block.size == n
			if whole && input.permanent == nil && input.last == at {
				return input
			}
		}
	}
	return location{&block{at: a.Take(n), size: n}, 0}
}

// words is a value's size in float32s, the unit of memory.
func words(v *lowering.Value) int { return (v.Bytes() + Float32.Bytes() - 1) / Float32.Bytes() }

// of is a float32 value's memory.
func (m *memory) of(v *lowering.Value) []float32 { return m.slice(m.at[v], words(v)) }

func (m *memory) scratchOf(i lowering.Instruction) []float32 {
	return m.slice(m.scratch[i.Out()], scratchSize(i))
}

func (m *memory) slice(l location, n int) []float32 {
	if l.permanent != nil {
		return l.permanent[l.offset:][:n:n]
	}
	return m.arena[l.block.at+l.offset:][:n:n]
}

// pointer, floats and doubles are addresses as C wants them: of a value of any precision, of a float32 value, and of an
// instruction's scratch.
func (m *memory) pointer(v *lowering.Value) unsafe.Pointer {
	return address(m.slice(m.at[v], words(v)))
}

func (m *memory) floats(v *lowering.Value) *C.float { return (*C.float)(m.pointer(v)) }

func (m *memory) doubles(i lowering.Instruction) *C.double {
	return (*C.double)(address(m.scratchOf(i)))
}
