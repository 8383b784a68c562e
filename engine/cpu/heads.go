package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"twinview/engine/lowering"
	"twinview/model"
)

// head returns the kernel of an op of a loss or of what leads from the network's output to it, nil for any other op. In
// and out are the memory of i's inputs and result.
func head(i lowering.Instruction, in []*C.float, out *C.float) func() error {
	rows, columns := rowsOf(i.Inputs[0])
	switch op := i.Op.(type) {
	case model.NTXent:
		images, temperature := rows/C.int64_t(op.Views), C.double(op.Temperature)
		return try(func() *C.char { return C.tv_ntxent(rows, images, columns, temperature, in[0], out) })
	case model.NTXentGrad:
		images, temperature := rows/C.int64_t(op.Views), C.double(op.Temperature)
		return try(func() *C.char { return C.tv_ntxent_grad(rows, images, columns, temperature, in[0], in[1], out) })
	case model.L2Normalize:
		return call(func() { C.tv_l2_normalize(rows, columns, in[0], out) })
	case model.L2NormalizeGrad:
		return call(func() { C.tv_l2_normalize_grad(rows, columns, in[0], in[1], in[2], out) })
	case model.Standardize:
		return call(func() { C.tv_standardize(rows, columns, in[0], out) })
	case model.StandardizeGrad:
		return call(func() { C.tv_standardize_grad(rows, columns, in[0], in[1], in[2], out) })
	case model.RowsGrad:
		offset, n, total := C.int64_t(op.From)*columns, rows*columns, C.int64_t(op.N)*columns
		return call(func() { C.tv_rows_grad(offset, n, total, in[0], out) })
	case model.RedundancyReduction:
		lambda := C.double(op.Lambda)
		return try(func() *C.char { return C.tv_redundancy_reduction(rows, columns, lambda, in[0], in[1], out) })
	case model.RedundancyReductionGrad:
		lambda := C.double(op.Lambda)
		return try(func() *C.char {
			return C.tv_redundancy_reduction_grad(rows, columns, lambda, in[0], in[1], in[2], out)
		})
	case model.SoftmaxCrossEntropy:
		return try(func() *C.char { return C.tv_cross_entropy(rows, columns, in[0], in[1], out) })
	case model.SoftmaxCrossEntropyGrad:
		return try(func() *C.char { return C.tv_cross_entropy_grad(rows, columns, in[0], in[1], in[2], out) })
	}
	return nil
}
