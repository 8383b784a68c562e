//go:build gpu

package main

import (
	"fmt"

	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/experiment"
)

func memoryOfGPU() (now, peak int64) { return cuda.Memory() }

func lostGPU() <-chan error { return cuda.Lost() }

func checkGPU(ordinal int) error { return cuda.Check(ordinal) }

func describeGPU(ordinal int) string {
	description, err := cuda.Description(ordinal)
	if err != nil {
		return fmt.Sprintf("CUDA on a device that doesn't answer: %v", err)
	}
	return description
}

func hardwareOfGPU(ordinal int) string {
	line, err := cuda.Hardware(ordinal)
	if err != nil {
		return fmt.Sprintf("a GPU that doesn't answer: %v", err)
	}
	return line
}

// gpuCompiler makes the engine that a spec asks for. What the spec says of threads and Winograd's algorithm is for CPUs.
func gpuCompiler(ordinal int, c experiment.Compute) engine.Compiler {
	o := cuda.Options{Device: ordinal, TF32: c.Precision == experiment.TF32, Measure: c.Kernels == experiment.Measured}
	if c.Precision == experiment.BFloat16 || c.Precision == experiment.Auto { // which every GPU has that the engine runs on
		o.Precision = cuda.BFloat16
	}
	return cuda.Compiler(o)
}
