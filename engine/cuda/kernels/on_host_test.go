//go:build !gpu

package kernels_test

import "twinview/engine/cuda/kernels/host"

// processor is this machine's.
type processor struct{ *host.Library }

func open(into string) (runner, error) {
	library, err := host.Build(".", into)
	return processor{library}, err
}

func (processor) NewMemory(size int) (*host.Memory, error) { return host.NewMemory(size) }
