//go:build gpu

package cuda

import (
	"fmt"

	"twinview/engine/cuda/kernels"
	"twinview/engine/lowering"
)

// call is one launch of a kernel. Arguments are int32, int64, float32, float64 as the kernel declares them, and for its pointers
// *lowering.Value, part, scratch, null and wrongRow.
type call struct {
	kernel    string
	launch    kernels.Launch
	arguments []any
	// implicit says that the kernel is an implicit GEMM, whose parameters another kernel makes of the arguments.
	implicit bool
}

// Pointers beside those to whole values.
type (
	// part is a value from one of its elements on.
	part struct {
		of      *lowering.Value
		element int
	}
	// scratch is an instruction's scratch from a byte on.
	scratch int
	null    struct{}
	// wrongRow is where kernels leave the first row whose label is no class.
	wrongRow struct{}
)

// work is what computes an instruction: calls one after another, with scratch that no other instruction sees.
type work struct {
	lowering.Instruction
	number  kernels.Number // in which matrices are multiplied
	calls   []call
	scratch int // bytes
}

func (w *work) call(kernel string, launch kernels.Launch, arguments ...any) {
	w.calls = append(w.calls, call{kernel: kernel, launch: launch, arguments: arguments})
}

// need is a new piece of the instruction's scratch.
func (w *work) need(bytes int) scratch {
	from := w.scratch
	w.scratch += aligned(bytes)
	return scratch(from)
}

// compile finds the kernels of every instruction.
func compile(p *lowering.Program, number kernels.Number) ([]*work, error) {
	var all []*work
	for _, i := range p.Instructions {
		w := &work{Instruction: i, number: number}
		if !w.image() && !w.head() {
			return nil, fmt.Errorf("compile node %q: the GPU engine has no kernel for the op %v: train this network on the CPU",
				i.Out().Name, i.Op)
		}
		all = append(all, w)
	}
	return all, nil
}
