//go:build gpu

package cuda

import (
	"fmt"
	"slices"

	"twinview/engine"
	"twinview/engine/cuda/kernels"
	"twinview/engine/lowering"
)

// Precision is the element type in which a machine keeps activations and their gradients.
type Precision = lowering.Precision

// The precisions.
const (
	Float32  = lowering.Float32
	BFloat16 = lowering.BFloat16
)

// precisionKey is that of the number in engine.Kernels; all other keys but the engine's are names of convolutions.
const precisionKey = "precision"

var numbers = []kernels.Number{kernels.Float32, kernels.TF32, kernels.BFloat16}

// numberOf is what products are computed in: what is recorded, where there is a record.
func numberOf(recorded engine.Kernels, o Options) (kernels.Number, error) {
	switch {
	case len(recorded) == 0 && o.Precision == BFloat16:
		return kernels.BFloat16, nil
	case len(recorded) == 0 && o.TF32:
		return kernels.TF32, nil
	case len(recorded) == 0:
		return kernels.Float32, nil
	case recorded[engine.EngineKey] != engineName:
		return "", fmt.Errorf("%w: the training was begun on a CPU: take a worker with --device cpu", engine.ErrUnsupported)
	}
	if n := kernels.Number(recorded[precisionKey]); slices.Contains(numbers, n) {
		return n, nil
	}
	return "", fmt.Errorf("%w: precision %q", engine.ErrUnsupported, recorded[precisionKey])
}

// precisionOf is the element type of activations whose products are in a number.
func precisionOf(n kernels.Number) Precision {
	if n == kernels.BFloat16 {
		return BFloat16
	}
	return Float32
}
