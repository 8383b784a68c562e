package main

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"twinview/engine/cpu"
	"twinview/hardware"
)

// device is the flag that says what a worker trains on: "cpu", or "cuda:" and the number of a GPU.
type device string

const (
	onCPU device = "cpu"
	// gpuPrefix stands before the number of a GPU.
	gpuPrefix string = "cuda:"
)

func (d *device) String() string { return string(*d) }

// Type is what --help calls the value.
func (d *device) Type() string { return "device" }

func (d *device) Set(value string) error {
	if _, ok := device(value).gpu(); !ok && device(value) != onCPU {
		return fmt.Errorf("%q is no device: say cpu, or cuda:0 for the first GPU", value)
	}
	*d = device(value)
	return nil
}

// gpu is the number of the GPU, if the device is one.
func (d device) gpu() (ordinal int, ok bool) {
	digits, ok := strings.CutPrefix(string(d), gpuPrefix)
	if !ok {
		return 0, false
	}
	ordinal, err := strconv.Atoi(digits)
	return ordinal, err == nil && ordinal >= 0 && strconv.Itoa(ordinal) == digits
}

// take makes the device this process's until release is called. It is an error if this worker can't train on it or, where it is a
// GPU, another one does: two trainings at once would share its memory, and neither would be faster.
func (d device) take() (release func(), err error) {
	if ordinal, ok := d.gpu(); ok {
		return takeGPU(ordinal)
	}
	return func() {}, nil
}

// memory is what training holds on the device now, and the most that it has held.
func (d device) memory() (now, peak int64) {
	if _, ok := d.gpu(); ok {
		return memoryOfGPU()
	}
	return cpu.Memory()
}

// energy counts what a GPU takes, where it says so.
func (d device) energy(log *slog.Logger) []hardware.Counter {
	ordinal, ok := d.gpu()
	if !ok {
		return nil
	}
	counter, err := energyOfGPU(ordinal)
	if err != nil {
		log.Warn("reports will be without the GPU's energy", "error", err)
		return nil
	}
	return []hardware.Counter{counter}
}

// hardware is a line about what trains: the machine, of which that many threads are used, and the GPU before it, if the device is
// one.
func (d device) hardware(threads int) string {
	machine := hardware.Describe(threads)
	if ordinal, ok := d.gpu(); ok {
		return hardwareOfGPU(ordinal) + ", in " + machine
	}
	return machine
}

// description names the engine, for a run's record.
func (d device) description() string {
	if ordinal, ok := d.gpu(); ok {
		return describeGPU(ordinal)
	}
	return cpu.Description()
}
