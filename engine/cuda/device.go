//go:build gpu

package cuda

import (
	"fmt"
	"sync"
	"sync/atomic"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels/gpu"
)

// device is one GPU, in whose one stream all work is done in order.
type device struct {
	*gpu.Device
	ordinal  int
	measured map[measured]int // the fastest of the candidates
	awake    bool             // since something was measured
	images   []*images
	spares   spares
	lost     atomic.Pointer[error] // why it is of no more use
}

var opened = struct {
	sync.Mutex
	devices map[int]*device
}{devices: map[int]*device{}}

// open returns the device with a number, counted from 0. All machines of a process share it, so two that run at once take
// turns.
func open(ordinal int) (*device, error) {
	opened.Lock()
	defer opened.Unlock()
	if d, ok := opened.devices[ordinal]; ok {
		return d, nil
	}
	if err := Check(ordinal); err != nil {
		return nil, err
	}
	made, err := gpu.Open(ordinal)
	if err != nil {
		return nil, err
	}
	d := &device{Device: made, ordinal: ordinal, measured: map[measured]int{}}
	opened.devices[ordinal] = d
	return d, nil
}

// Check returns an error that says what to do if there is no such device or it can't run the kernels.
func Check(ordinal int) error {
	count, err := cu.NumDevices()
	if err != nil {
		return fmt.Errorf("count the GPUs: %w", err)
	}
	if ordinal < 0 || ordinal >= count {
		return fmt.Errorf("there is no device cuda:%d: this machine has %d GPUs, counted from cuda:0", ordinal, count)
	}
	major, minor, err := cu.Device(ordinal).ComputeCapability()
	if err != nil {
		return fmt.Errorf("ask cuda:%d for its compute capability: %w", ordinal, err)
	}
	if major < 8 {
		return fmt.Errorf("cuda:%d has compute capability %d.%d: the kernels need 8.0 (A100) or later", ordinal, major, minor)
	}
	managed, err := cu.Device(ordinal).Attribute(cu.ConcurrentManagedAccess)
	if err != nil {
		return fmt.Errorf("ask cuda:%d for managed memory: %w", ordinal, err)
	}
	if managed == 0 {
		return fmt.Errorf("cuda:%d has no managed memory that the host may touch while the device works, which the engine needs: "+
			"take another driver or device (not WSL)", ordinal)
	}
	return nil
}

// ID is a device's own, which no other has, whatever its number is in a process.
func ID(ordinal int) (string, error) {
	if err := Check(ordinal); err != nil {
		return "", err
	}
	id, err := cu.Device(ordinal).UUID()
	if err != nil {
		return "", fmt.Errorf("ask cuda:%d for its UUID: %w", ordinal, err)
	}
	return id.String(), nil
}

// Description names a device and its driver, for a run's record.
func Description(ordinal int) (string, error) {
	if err := Check(ordinal); err != nil {
		return "", err
	}
	name, err := cu.Device(ordinal).Name()
	if err != nil {
		return "", fmt.Errorf("ask cuda:%d for its name: %w", ordinal, err)
	}
	version := cu.Version()
	return fmt.Sprintf("CUDA on %s, driver for %d.%d", name, version/1000, version%1000/10), nil
}

// Hardware is a line about a device, in the manner of hardware.Describe.
func Hardware(ordinal int) (string, error) {
	if err := Check(ordinal); err != nil {
		return "", err
	}
	name, err := cu.Device(ordinal).Name()
	if err != nil {
		return "", fmt.Errorf("ask cuda:%d for its name: %w", ordinal, err)
	}
	bytes, err := cu.Device(ordinal).TotalMem()
	if err != nil {
		return "", fmt.Errorf("ask cuda:%d for its memory: %w", ordinal, err)
	}
	return fmt.Sprintf("%s, %.1f GiB of memory", name, float64(bytes)/(1<<30)), nil
}

// do runs a function on the device's thread and waits for it.
func (d *device) do(f func() error) error {
	if err := d.lost.Load(); err != nil {
		return *err
	}
	return d.notice(d.Do(f))
}
