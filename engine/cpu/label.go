package cpu

import (
	"fmt"
	"strings"

	"twinview/model"
)

// label names an op in a profile.
func label(op any) string {
	switch op := op.(type) {
	case convolution:
		return op.label()
	case model.BatchStats:
		return "batch norm statistics"
	case normAddReLU:
		return "batch norm forward"
	case normAffineGrad, reluNormAffineGrad:
		return "batch norm affine gradient"
	case normInputGrad:
		return "batch norm input gradient"
	case addition:
		return "addition"
	case narrow, widen:
		return "conversion"
	case model.MatMul:
		return "matrix product"
	case model.NTXent, model.NTXentGrad:
		return "NT-Xent"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", op), "model.")
}
