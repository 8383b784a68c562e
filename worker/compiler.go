package main

import (
	"path/filepath"

	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/experiment"
)

// compiler makes the engine that a spec asks for, on the worker's device and on no more threads than it may use.
func (o options) compiler(c experiment.Compute) engine.Compiler {
	if gpu, ok := o.device.gpu(); ok {
		return gpuCompiler(gpu, c)
	}
	precision := cpu.Float32
	if c.Precision == experiment.BFloat16 || c.Precision == experiment.Auto && cpu.Supports(cpu.BFloat16) {
		precision = cpu.BFloat16
	}
	return cpu.Compiler(cpu.Options{
		Threads:   o.limit(c.Threads),
		Precision: precision,
		Winograd:  winograd(c.Winograd, precision),
		Measure:   c.Kernels == experiment.Measured,
		Cache:     filepath.Join(o.cache, "kernels.json"),
	})
}

// winograd is the largest tiles that the spec allows. Auto stands for those that docs/performance.md found to cost no
// accuracy.
func winograd(allowed string, p cpu.Precision) cpu.Winograd {
	switch allowed {
	case experiment.None, "":
		return cpu.Winograd{}
	case experiment.Winograd2x2:
		return cpu.Winograd{Forward: 2, InputGrad: 2, WeightGrad: 2}
	default:
		return cpu.Winograd{Forward: 4, InputGrad: 4, WeightGrad: 4}
	}
}
