package emulator

import (
	"math"
	"math/bits"
)

// warp is 32 threads of a block, or as many as are left for the last. Of all masks bit i is lane i.
type warp struct {
	block     *block
	number    int
	registers []values32
	// where is the instruction that each lane executes next, or waits at.
	where [lanes]int
	// Of the lanes that have not ended some are ready to go on, some wait for others of the warp, some for the block.
	alive, ready, meeting, arrived uint32
	// pc is the instruction that is being executed.
	pc    int
	steps int
	frame []byte // of all lanes
	async [lanes]asyncCopies
}

// forever is the number of instructions after which a warp that has come to no barrier is believed to turn in a circle.
const forever = 1 << 30

// thread is the place of a lane in its block.
func (w *warp) thread(lane int) [3]int {
	i, size := w.number*lanes+lane, w.block.launch.Block
	return [3]int{i % size[0], i / size[0] % size[1], i / size[0] / size[1]}
}

// begin sets the warp to the first instruction of a new block.
func (w *warp) begin() {
	for at := range w.registers {
		initial := w.block.program.initial[at]
		for lane := range w.registers[at] {
			w.registers[at][lane] = initial
		}
	}
	for name, at := range w.block.program.specials {
		of := specialValues[name]
		for lane := range lanes {
			w.registers[at][lane] = uint64(of(w, lane))
		}
	}
	for i := range w.frame {
		w.frame[i] = 0xff
	}
	w.where = [lanes]int{}
	w.async = [lanes]asyncCopies{}
	w.alive = all
	if threads := w.block.threads - w.number*lanes; threads < lanes {
		w.alive = 1<<threads - 1
	}
	w.ready, w.meeting, w.arrived, w.steps = w.alive, 0, 0, 0
}

// run goes on until no lane can without the rest of the block.
func (w *warp) run() {
	for w.ready != 0 {
		pc, limit := math.MaxInt, math.MaxInt
		var active uint32
		for m := w.ready; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			switch at := w.where[lane]; {
			case at < pc:
				pc, limit, active = at, pc, 1<<lane
			case at == pc:
				active |= 1 << lane
			case at < limit:
				limit = at
			}
		}
		w.together(pc, active, limit)
	}
	if w.meeting != 0 {
		lane := bits.TrailingZeros32(w.meeting)
		w.pc = w.where[lane]
		w.fail(lane, "threads %032b of the warp wait for ever: others have ended or wait at another instruction", w.meeting)
	}
}

// park lets lanes go on at an instruction later.
func (w *warp) park(mask uint32, at int) {
	for m := mask; m != 0; m &= m - 1 {
		w.where[bits.TrailingZeros32(m)] = at
	}
}

// together executes instructions in the active lanes until they part, wait, or come to limit, where others are.
func (w *warp) together(pc int, active uint32, limit int) {
	code := w.block.program.code
	for {
		in := &code[pc]
		w.pc = pc
		mask := active
		if in.guard != none {
			mask &= w.predicate(in.guard)
			if in.unless {
				mask = active &^ mask
			}
		}
		if mask != 0 || in.kind != plain {
			in.reached = true
		}
		if in.kind == plain {
			if mask != 0 {
				in.execute(w, mask)
			}
			pc++
		} else if mask == 0 {
			pc++
		} else if in.kind == jump && mask == active {
			pc = in.target
		} else {
			active &^= mask
			w.park(active, pc+1)
			if pc = w.part(in, mask); pc < 0 || active != 0 {
				return
			}
			active = mask
		}
		if w.steps++; w.steps > forever {
			w.fail(bits.TrailingZeros32(active), "a thread has executed %d instructions without a barrier", w.steps)
		}
		if pc >= limit {
			w.park(active, pc)
			return
		}
	}
}

// part executes an instruction after which lanes may go on elsewhere. If they all go on together it returns where, else -1. In
// either case it has parked them.
func (w *warp) part(in *instruction, mask uint32) int {
	next := -1
	switch in.kind {
	case jump:
		next = in.target
	case call:
		in.execute(w, mask)
		for m := mask; m != 0; m &= m - 1 {
			w.registers[in.link][bits.TrailingZeros32(m)] = uint64(w.pc + 1)
		}
		next = in.target
	case leave:
		if in.link == none {
			w.alive &^= mask
			w.ready &^= mask
			return -1
		}
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			w.where[lane] = int(w.registers[in.link][lane])
		}
		return -1
	case meet:
		if !w.meet(in, mask) {
			return -1
		}
		next = w.pc + 1
	case barrier:
		w.arrive(mask)
		return -1
	}
	w.park(mask, next)
	return next
}

// meet executes an instruction if all of its threads are there, with all of them; else these wait. It tells whether those of the
// mask go on as they are.
func (w *warp) meet(in *instruction, mask uint32) bool {
	here := mask
	for m := w.meeting; m != 0; m &= m - 1 {
		if lane := bits.TrailingZeros32(m); w.where[lane] == w.pc {
			here |= 1 << lane
		}
	}
	lane := bits.TrailingZeros32(mask)
	members := uint32(w.registers[in.members][lane]) & w.size()
	for m := here; m != 0; m &= m - 1 {
		if other := bits.TrailingZeros32(m); uint32(w.registers[in.members][other])&w.size() != members {
			w.fail(other, "threads %d and %d name others as those that it is executed with", lane, other)
		}
	}
	if strangers := here &^ members; strangers != 0 {
		w.fail(bits.TrailingZeros32(strangers), "the thread is not among those that it is executed with, %032b", members)
	}
	if members&^here != 0 {
		w.park(mask, w.pc)
		w.ready &^= mask
		w.meeting |= mask
		return false
	}
	in.execute(w, here)
	if here == mask {
		return true
	}
	w.park(here, w.pc+1)
	w.meeting &^= here
	w.ready |= here
	return false
}

// size are the lanes that have a thread.
func (w *warp) size() uint32 {
	if threads := w.block.threads - w.number*lanes; threads < lanes {
		return 1<<threads - 1
	}
	return all
}

// arrive lets lanes wait for the block.
func (w *warp) arrive(mask uint32) {
	w.park(mask, w.pc)
	w.ready &^= mask
	w.arrived |= mask
}

// predicate are the lanes in which a register is true.
func (w *warp) predicate(at row) uint32 {
	var mask uint32
	for lane, v := range &w.registers[at] {
		mask |= uint32(v&1) << lane
	}
	return mask
}

// first is the lane of a mask whose turn is first.
func (w *warp) first(mask uint32) int {
	if w.block.reversed {
		return 31 - bits.LeadingZeros32(mask)
	}
	return bits.TrailingZeros32(mask)
}

// eachLane executes an instruction in one lane after the other, in the order of the launch.
func eachLane(f func(w *warp, lane int)) func(w *warp, mask uint32) {
	return func(w *warp, mask uint32) {
		for m := mask; m != 0; {
			lane := w.first(m)
			m &^= 1 << lane
			f(w, lane)
		}
	}
}
