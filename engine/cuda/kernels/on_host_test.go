//go:build !gpu

package kernels_test

import (
	"flag"
	"fmt"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/emulator"
	"twinview/engine/cuda/kernels/host"
)

var form = flag.String("kernels", "host",
	"what runs on this processor: host, what a C++ compiler makes of the sources, or ptx, the PTX that is shipped, by package emulator")

// processor is this machine's.
type processor struct{ *host.Library }

func open(into string) (runner, error) {
	switch *form {
	case "host":
		library, err := host.Build(".", into)
		return processor{library}, err
	case "ptx":
		return emulator.New(kernels.Modules()), nil
	}
	return nil, fmt.Errorf("-kernels %s: want host or ptx", *form)
}

func (processor) NewMemory(size int) (*host.Memory, error) { return host.NewMemory(size) }
