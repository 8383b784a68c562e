package train

import (
	"errors"
	"fmt"

	"twinview/engine"
)

// MemoryError is the error of a network whose batch is too large for the memory of the device. It says so in terms of the spec.
type MemoryError struct {
	// Field has the batch's size, which is Size; Fits would fit, 0 if no batch would.
	Field      string
	Size, Fits int

	engine *engine.MemoryError
}

func (e *MemoryError) Error() string {
	message := fmt.Sprintf("%s: %d: %s, and such a batch needs %s: ", e.Field, e.Size, e.engine.Room(), e.engine.Need())
	if e.Fits < 1 {
		return message + "no batch would fit: lower encoder.width or augment.size, or start a worker on a device with more memory"
	}
	return message + fmt.Sprintf("lower it to %d, which would fit, or start a worker on a device with more memory", e.Fits)
}

func (e *MemoryError) Unwrap() error { return e.engine }

// inBatches says an engine's shortage of memory in terms of the field that has the batch's size: a batch of pretraining has as many
// rows in the network as views. What fits leaves room for that many bytes more. Any other error stays as it is.
func inBatches(err error, field string, size, more int) error {
	var short *engine.MemoryError
	if !errors.As(err, &short) || short.Rows < 1 {
		return err
	}
	rows := short.Fits
	if short.PerRow > 0 {
		rows = max(0, rows-int((int64(more)+short.PerRow-1)/short.PerRow))
	}
	return &MemoryError{Field: field, Size: size, Fits: rows * size / short.Rows, engine: short}
}
