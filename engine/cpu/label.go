package cpu

import (
	"fmt"
	"strings"

	"twinview/engine/lowering"
	"twinview/model"
)

// label names an op in a profile.
func label(op any) string {
	switch op := op.(type) {
	case lowering.Convolution:
		return convolution(op).label()
	case model.BatchStats:
		return "batch norm statistics"
	case lowering.NormAddReLU:
		return "batch norm forward"
	case lowering.NormAffineGrad, lowering.ReLUNormAffineGrad:
		return "batch norm affine gradient"
	case lowering.NormInputGrad:
		return "batch norm input gradient"
	case lowering.Addition:
		return "addition"
	case lowering.Narrow, lowering.Widen:
		return "conversion"
	case model.MatMul:
		return "matrix product"
	case model.NTXent, model.NTXentGrad:
		return "NT-Xent"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", op), "model.")
}
