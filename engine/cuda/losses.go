//go:build gpu

package cuda

import (
	"twinview/engine/cuda/kernels"
	"twinview/model"
)

// loss makes the calls of losses and their gradients, or tells that the op is none of them.
func (w *work) loss() bool {
	in, out := w.Inputs, w.Out()
	rows, columns := in[0].Rows()
	r, c := int64(rows), int64(columns)
	const doubles = 8
	switch op := w.Op.(type) {
	case model.NTXent:
		_, losses := w.softmax(op.Views, op.Temperature)
		w.call("mean", kernels.Single(), r, losses, out)
	case model.NTXentGrad:
		softmax, _ := w.softmax(op.Views, op.Temperature)
		launch := kernels.NTXentGrad(rows, columns)
		partial := w.need(launch.Parts() * in[0].Bytes())
		w.call("ntxent_grad", launch, r, r/int64(op.Views), c, float32(op.Temperature), in[0], softmax, in[1], partial)
		w.call("add_parts", kernels.Elementwise(rows*columns), r*c, int64(launch.Parts()), partial, out)
	case model.RedundancyReduction:
		w.redundancy(op.Lambda)
	case model.RedundancyReductionGrad:
		w.redundancyGrad(op.Lambda)
	case model.SoftmaxCrossEntropy:
		losses := w.need(rows * doubles)
		w.call("cross_entropy_rows", kernels.Rows(rows), r, c, in[0], in[1], losses, wrongRow{})
		w.call("mean", kernels.Single(), r, losses, out)
	case model.SoftmaxCrossEntropyGrad:
		w.call("cross_entropy_grad", kernels.Rows(rows), r, c, in[0], in[1], in[2], out, wrongRow{})
	default:
		return false
	}
	return true
}

// softmax compares the rows of NT-Xent's input with each other. The gradient makes it again.
func (w *work) softmax(views int, temperature float64) (softmax, losses scratch) {
	rows, dim := w.Inputs[0].Rows()
	launch := kernels.NTXent(rows)
	softmaxes := 2 * rows * Float32.Bytes()
	partial := w.need(launch.Parts() * softmaxes)
	softmax, losses = w.need(softmaxes), w.need(rows*8)
	r, d, t, z := int64(rows), int64(dim), float32(temperature), w.Inputs[0]
	w.call("ntxent_rows", launch, r, d, t, z, partial)
	w.call("ntxent_total", kernels.Rows(rows), r, r/int64(views), d, int64(launch.Parts()), t, z, partial, softmax, losses)
	return softmax, losses
}

// redundancy adds up the squares of the correlation matrix by the inner products of rows, or of columns where those are fewer.
func (w *work) redundancy(lambda float64) {
	a, b := w.Inputs[0], w.Inputs[1]
	rows, columns := a.Rows()
	side := min(rows, columns)
	losses := w.need((side + columns) * 8)
	ofDiagonal := losses + scratch(side*8)
	x := w.need(side * side * Float32.Bytes())
	y := x
	if rows > columns {
		w.matmul(model.MatMul{TransA: true}, side, side, rows, a, b, x)
	} else {
		y = w.need(side * side * Float32.Bytes())
		w.matmul(model.MatMul{TransB: true}, side, side, columns, a, a, x)
		w.matmul(model.MatMul{TransB: true}, side, side, columns, b, b, y)
	}
	w.call("redundancy_reduction_squares", kernels.Rows(side), int64(side), int64(side), lambda, x, y, losses)
	w.call("redundancy_reduction_diagonal", kernels.Columns(columns), int64(rows), int64(columns), lambda, a, b, ofDiagonal)
	w.call("sum", kernels.Single(), int64(side+columns), losses, w.Out())
}

// redundancyGrad multiplies b·bᵀ·a from the side that makes the smaller matrix.
func (w *work) redundancyGrad(lambda float64) {
	a, b, da := w.Inputs[0], w.Inputs[1], w.Out()
	rows, columns := a.Rows()
	side := min(rows, columns)
	inner := w.need(side * side * Float32.Bytes())
	if rows > columns {
		w.matmul(model.MatMul{TransA: true}, side, side, rows, b, a, inner)
		w.matmul(model.MatMul{}, rows, columns, columns, b, inner, da)
	} else {
		w.matmul(model.MatMul{TransB: true}, side, side, columns, b, b, inner)
		w.matmul(model.MatMul{}, rows, columns, rows, inner, a, da)
	}
	w.call("redundancy_reduction_grad", kernels.Columns(columns), int64(rows), int64(columns), lambda, a, b, w.Inputs[2], da)
}
