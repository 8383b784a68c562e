//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/cu"

	"twinview/engine"
)

// fatal are the errors behind which a context is of no more use: all that is asked of it fails.
var fatal = []error{
	cu.IllegalAddress, cu.MisalignedAddress, cu.InvalidAddressSpace, cu.InvalidPc, cu.IllegalInstruction, cu.HardwareStackError,
	cu.Assert, cu.LaunchFailed, cu.LaunchTimeout, cu.EccUncorrectable, cu.NvlinkUncorrectable, cu.ContextIsDestroyed, cu.Unknown,
}

var lost = make(chan error, 1)

// Lost receives the error with which a device was lost. The process should end: a new one may be able to use it.
func Lost() <-chan error { return lost }

// notice remembers an error behind which the device is of no more use.
func (d *device) notice(err error) error {
	if err == nil || !slices.ContainsFunc(fatal, func(f error) bool { return errors.Is(err, f) }) {
		return err
	}
	err = fmt.Errorf("%w: cuda:%d: %w", engine.ErrDeviceLost, d.ordinal, err)
	if d.lost.CompareAndSwap(nil, &err) {
		select {
		case lost <- err:
		default:
		}
	}
	return err
}
