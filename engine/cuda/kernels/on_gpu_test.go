//go:build gpu

package kernels_test

import (
	"twinview/engine/cuda/kernels/gpu"
	"twinview/engine/cuda/kernels/host"
)

// onGPU is the first one.
type onGPU struct{ *gpu.Device }

func open(string) (runner, error) {
	d, err := gpu.Open(0)
	return onGPU{d}, err
}

func (d onGPU) NewMemory(size int) (*host.Memory, error) {
	at, free, err := d.NewManaged(host.Room(size))
	if err != nil {
		return nil, err
	}
	return host.In(at, size, free), nil
}
