package cpu

// #include "bridge.h"
import "C"

import (
	"fmt"
	"runtime"

	"gorgonia.org/gorgonia"

	"twinview/engine"
)

// Compile is an engine.Compiler that uses every core.
func Compile(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (engine.Machine, error) {
	return CompileThreads(0)(g, outputs)
}

// CompileThreads returns a compiler of machines that run on the given number of threads, 0 for one per core. All machines
// of a process share one team of threads, so two that run at once take turns.
func CompileThreads(threads int) engine.Compiler {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (engine.Machine, error) {
		m := &machine{threads: threads}
		err := compute(threads, func() (err error) {
			m.plan, err = newPlan(g, outputs)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("compile graph for the CPU: %w", err)
		}
		return m, nil
	}
}

// Description names the library behind the engine, for a run's record.
func Description() string { return "oneDNN " + C.GoString(C.tv_onednn_version()) + ", float32" }

type machine struct {
	threads int
	plan    *plan
}

// RunAll implements gorgonia.VM.
func (m *machine) RunAll() error { return compute(m.threads, m.plan.run) }

// Reset implements gorgonia.VM: there is no program counter to reset.
func (m *machine) Reset() {}

// Close implements gorgonia.VM. It may be called more than once.
func (m *machine) Close() error {
	// oneDNN counts its users by thread: what the compute thread made, it must free.
	return compute(m.threads, func() error {
		m.plan.free()
		return nil
	})
}

// Values implements engine.Machine.
func (m *machine) Values(n *gorgonia.Node) []float32 {
	values, ok := m.plan.visible[n]
	if !ok {
		panic(fmt.Sprintf("engine/cpu: %q is neither a leaf nor a declared output", n.Name()))
	}
	return values
}
