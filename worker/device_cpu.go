//go:build !gpu

package main

import (
	"errors"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/experiment"
	"twinview/hardware"
)

var errNoGPU = errors.New(`this worker was built without the engine for GPUs: take the one that "make worker-gpu" builds ` +
	"(docs/gpu.md), or train with --device cpu")

func takeGPU(int) (release func(), err error) { return nil, errNoGPU }

func describeGPU(int) string { return errNoGPU.Error() }

func hardwareOfGPU(int) string { return errNoGPU.Error() }

func memoryOfGPU() (now, peak int64) { return 0, 0 }

func energyOfGPU(int) (hardware.Counter, error) { return hardware.Counter{}, errNoGPU }

func lostGPU() <-chan error { return nil }

// gpuCompiler is never asked for where takeGPU refuses the device.
func gpuCompiler(int, experiment.Compute) engine.Compiler {
	return func(*gorgonia.ExprGraph, gorgonia.Nodes, engine.Kernels) (engine.Machine, error) {
		return nil, errNoGPU
	}
}
