package emulator

import "fmt"

// fault is what a thread did wrong.
type fault struct{ error }

// fail ends the launch with what a lane did at the present instruction.
func (w *warp) fail(lane int, format string, arguments ...any) {
	st := w.block.program.code[w.pc].statement
	panic(fault{fmt.Errorf("run %s: block %v, thread %v: %w", w.block.program.describe(st), w.block.index, w.thread(lane),
		fmt.Errorf(format, arguments...))})
}

// text is what stands at an address, to a zero.
func (w *warp) text(address uint64) string {
	a := w.block.device.find(address, 1)
	if a == nil {
		return "?"
	}
	from := a.bytes[address-a.address:]
	for i, c := range from {
		if c == 0 {
			return string(from[:i])
		}
	}
	return string(from)
}

// divided is the error of the division that is being executed.
func (w *warp) divided() error {
	what := w.block.program.describe(w.block.program.code[w.pc].statement)
	return fmt.Errorf("run %s: block %v, warp %d: an integer is divided by zero", what, w.block.index, w.number)
}
