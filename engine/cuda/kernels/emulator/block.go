package emulator

import (
	"math/bits"
	"slices"

	"twinview/engine/cuda/kernels"
)

// block is the block that is being run, with memory that the next one takes again.
type block struct {
	device   *Device
	program  *program
	launch   kernels.Launch
	values   []byte // of the kernel's parameters
	reversed bool
	threads  int
	index    [3]int
	number   int32  // of the block in its grid
	launched uint32 // number of the launch
	warps    []*warp
	current  *warp // the one that is run
	shared   shared
	// recent is the array that an instruction found last.
	recent []*allocation
}

func newBlock(d *Device, p *program, launch kernels.Launch, values []byte) *block {
	if b := d.spareBlock(p, launch); b != nil {
		b.launch, b.values, b.reversed, b.launched = launch, values, d.reversed, d.launches
		return b
	}
	b := &block{device: d, program: p, launch: launch, values: values, reversed: d.reversed, launched: d.launches,
		threads: launch.Block[0] * launch.Block[1] * launch.Block[2], recent: make([]*allocation, len(p.code))}
	b.shared = newShared(p.dynamic - sharedBase + launch.Shared)
	for i := range (b.threads + lanes - 1) / lanes {
		b.warps = append(b.warps, &warp{block: b, number: i, registers: make([]values32, len(p.initial)),
			frame: make([]byte, lanes*p.local)})
	}
	return b
}

// spareBlock takes the block of one of the last launches, if one was of the same shape.
func (d *Device) spareBlock(p *program, launch kernels.Launch) *block {
	for i, b := range d.spare {
		if b.program == p && b.launch.Block == launch.Block && b.launch.Shared == launch.Shared {
			d.spare = slices.Delete(d.spare, i, i+1)
			return b
		}
	}
	return nil
}

// keep has a block for later launches, in the place of the oldest of a few: they are large. Arrays may go in the meantime.
func (d *Device) keep(b *block) {
	const few = 4
	clear(b.recent)
	d.spare = append(d.spare, b)
	if len(d.spare) > few {
		d.spare = slices.Delete(d.spare, 0, 1)
	}
}

// run runs one block, a warp after the other as far as each gets.
func (b *block) run(number int) {
	grid := b.launch.Grid
	b.number, b.index = int32(number), [3]int{number % grid[0], number / grid[0] % grid[1], number / grid[0] / grid[1]}
	b.shared.clear()
	for _, w := range b.warps {
		w.begin()
	}
	for {
		alive := uint32(0)
		for i := range b.warps {
			w := b.warps[b.turn(i, len(b.warps))]
			b.current = w
			w.run()
			alive |= w.alive
		}
		if alive == 0 {
			return
		}
		b.release()
	}
}

// turn is the i-th of n, from the last on in the reversed order.
func (b *block) turn(i, n int) int {
	if b.reversed {
		return n - 1 - i
	}
	return i
}

// release lets all threads go on that wait at the barrier. Threads of a warp have to be at the same one.
func (b *block) release() {
	conjunction := uint64(1)
	for _, w := range b.warps {
		if w.alive == 0 {
			continue
		}
		w.pc = w.where[bits.TrailingZeros32(w.alive)]
		in := &b.program.code[w.pc]
		for m := w.alive; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			if w.where[lane] != w.pc {
				w.fail(lane, "threads of a warp wait at different barriers, the other one at line %d",
					b.program.code[w.where[lane]].statement.line)
			}
			if in.source != none {
				conjunction &= w.registers[in.source][lane]
			}
		}
	}
	for _, w := range b.warps {
		if w.alive == 0 {
			continue
		}
		if in := &b.program.code[w.pc]; in.result != none {
			for m := w.alive; m != 0; m &= m - 1 {
				w.registers[in.result][bits.TrailingZeros32(m)] = conjunction
			}
		}
		w.park(w.alive, w.pc+1)
		w.ready, w.arrived, w.steps = w.alive, 0, 0
	}
	b.shared.epoch++
}

func (d *decoder) barrier(in *instruction) {
	in.kind = barrier
	reduces := false
	switch {
	case d.flag("sync") && (len(d.rest) == 0 || d.flag("aligned")):
		d.wants(1)
	case d.flag("red") && d.flag("and") && d.flag("pred") && (len(d.rest) == 0 || d.flag("aligned")):
		d.wants(3)
		reduces = true
	default:
		d.unknown()
	}
	operands := d.st.operands
	if reduces {
		in.result, in.source = d.result(operands[0]), d.named(operands[2].name)
		operands = operands[1:]
	}
	if !operands[0].constant || operands[0].value != 0 {
		d.fail("the barrier is another than 0")
	}
}
