package cpu

import "twinview/engine/lowering"

// Precision is the element type in which a machine keeps activations and their gradients.
type Precision = lowering.Precision

// The precisions.
const (
	Float32  = lowering.Float32
	BFloat16 = lowering.BFloat16
)
