package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"maps"
	"runtime"
	"time"

	"gorgonia.org/gorgonia"

	"twinview/engine"
)

// Options say how a machine computes.
type Options struct {
	// Threads is the number of threads, 0 for one per core. All machines of a process share one team of threads, so two
	// that run at once take turns.
	Threads int
	// Precision is the element type of activations and their gradients. The zero value is Float32.
	Precision Precision
	// Winograd is where Winograd's algorithm may compute convolutions; the zero value stands for nowhere. The rest, and where
	// it is of no use, is direct: our own convolutions or oneDNN's, whichever are faster. Ours, Winograd's too, need AVX-512,
	// and in bfloat16 AVX512-BF16.
	Winograd Winograd
	// OneDNN leaves our own convolutions out, for a baseline.
	OneDNN bool
	// Measure chooses among the algorithms that are allowed by a short measurement, instead of by the number of
	// products and a fixed table. Then two workers may choose differently, and round differently.
	Measure bool
	// Cache is the path of a file that keeps what was measured; empty for none.
	Cache string
}

// Compile is an engine.Compiler in float32 that uses every core.
func Compile(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded engine.Kernels) (engine.Machine, error) {
	return Compiler(Options{})(g, outputs, recorded)
}

// Compiler returns a compiler of machines. They cannot be compiled where the CPU does not support the precision.
func Compiler(o Options) engine.Compiler {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	return func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded engine.Kernels) (engine.Machine, error) {
		c := newChooser(o, recorded)
		m := &machine{caller: newCaller(o.Threads), kernels: c.chosen}
		err := m.compute(func() (err error) {
			m.plan, err = newPlan(g, outputs, c)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("compile graph for the CPU: %w", err)
		}
		m.run = m.plan.run
		return m, nil
	}
}

// Supports tells whether this CPU computes in the precision at full speed.
func Supports(p Precision) bool { return p == Float32 || p == BFloat16 && C.tv_has_bfloat16() != 0 }

// Description names the library behind the engine, for a run's record.
func Description() string { return "oneDNN " + C.GoString(C.tv_onednn_version()) }

type machine struct {
	caller
	plan    *plan
	run     func() error // plan.run, made once: a step allocates nothing
	kernels engine.Kernels

	optimizers []*optimizer
}

// RunAll implements gorgonia.VM.
func (m *machine) RunAll() error { return m.compute(m.run) }

// Reset implements gorgonia.VM: there is no program counter to reset.
func (m *machine) Reset() {}

// Close implements gorgonia.VM. It may be called more than once.
func (m *machine) Close() error {
	// oneDNN counts its users by thread: what the compute thread made, it must free.
	return m.compute(func() error {
		m.plan.free()
		for _, o := range m.optimizers {
			o.free()
		}
		m.optimizers = nil
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

// Kernels implements engine.Machine.
func (m *machine) Kernels() engine.Kernels { return maps.Clone(m.kernels) }

// Profile is the time spent since the machine was made, by kind of op.
func (m *machine) Profile() map[string]time.Duration {
	spent := map[string]time.Duration{}
	for label, d := range m.plan.spent {
		spent[label] = *d
	}
	return spent
}
