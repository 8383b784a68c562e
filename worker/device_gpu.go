//go:build gpu

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/experiment"
	"twinview/hardware"
)

func memoryOfGPU() (now, peak int64) { return cuda.Memory() }

func energyOfGPU(ordinal int) (hardware.Counter, error) {
	id, err := cuda.ID(ordinal)
	if err != nil {
		return hardware.Counter{}, err
	}
	return hardware.GPUCounter(id)
}

func lostGPU() <-chan error { return cuda.Lost() }

// takeGPU holds a lock on a file that is named after the device itself, whatever its number is here. It ends with the process.
func takeGPU(ordinal int) (release func(), err error) {
	id, err := cuda.ID(ordinal)
	if err != nil {
		return nil, err
	}
	file, err := openShared(filepath.Join(os.TempDir(), "twinview-gpu-"+id+".lock"))
	if err != nil {
		return nil, fmt.Errorf("open the file whose lock says which worker has the device: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another worker on this machine trains on it: take another device, or stop that worker first")
		}
		return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	return func() { file.Close() }, nil
}

// openShared opens a file that every user of the machine may lock, and makes it where it is missing. Of a file that another user
// made, Linux refuses in folders like /tmp what might have made it.
func openShared(path string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		const readable = 0o444
		return os.OpenFile(path, os.O_RDONLY|os.O_CREATE, readable)
	}
	return file, err
}

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
