//go:build !gpu

package kernels_test

import (
	"errors"
	commandline "flag"
	"fmt"
	"os"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/emulator"
	"twinview/engine/cuda/kernels/host"
)

var form = commandline.String("kernels", "host",
	"what runs on this processor: host, what a C++ compiler makes of the sources, or ptx, the PTX in package emulator")

var unexecuted = commandline.String("unexecuted", "", "a file that takes what no test has executed of the PTX, with -kernels ptx")

// processor is this machine's.
type processor struct{ *host.Library }

func open(into string) (runner, error) {
	switch *form {
	case "host":
		library, err := host.Build(".", into)
		return processor{library}, err
	case "ptx":
		return onEmulator{emulator.New(kernels.Modules())}, nil
	}
	return nil, fmt.Errorf("-kernels %s: want host or ptx", *form)
}

func (processor) NewMemory(size int) (*host.Memory, error) { return host.NewMemory(size) }

// onEmulator runs the PTX, and says at the end what it has not run.
type onEmulator struct{ *emulator.Device }

func (d onEmulator) report() error {
	if *unexecuted == "" {
		return nil
	}
	file, err := os.Create(*unexecuted)
	if err != nil {
		return err
	}
	return errors.Join(d.WriteUnexecuted(file), file.Close())
}
