//go:build gpu

package cuda

import (
	"fmt"

	"twinview/engine"
	"twinview/engine/lowering"
)

// Precision is the element type in which a machine keeps activations and their gradients.
type Precision = lowering.Precision

// The precisions.
const (
	Float32  = lowering.Float32
	BFloat16 = lowering.BFloat16
)

// precisionKey is that of the precision in engine.Kernels; all other keys but the engine's are names of convolutions.
const precisionKey = "precision"

// precisionOf is the recorded precision, where there is a record.
func precisionOf(recorded engine.Kernels, otherwise Precision) (Precision, error) {
	if len(recorded) == 0 {
		return otherwise, nil
	}
	if recorded[engine.EngineKey] != engineName {
		return 0, fmt.Errorf("%w: the training was begun on a CPU: take a worker with --device cpu", engine.ErrUnsupported)
	}
	for _, p := range []Precision{Float32, BFloat16} {
		if recorded[precisionKey] == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%w: precision %q", engine.ErrUnsupported, recorded[precisionKey])
}
