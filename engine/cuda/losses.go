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
		w.call("ntxent_grad_total", kernels.Elementwise(rows*columns), r*c, int64(launch.Parts()), partial, out)
	case model.RedundancyReduction:
		losses := w.need(rows * doubles)
		w.call("redundancy_reduction_rows", kernels.Rows(rows), r, op.Lambda, in[0], losses)
		w.call("sum", kernels.Single(), r, losses, out)
	case model.RedundancyReductionGrad:
		w.call("redundancy_reduction_grad", kernels.Rows(rows), r, op.Lambda, in[0], in[1], out)
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
