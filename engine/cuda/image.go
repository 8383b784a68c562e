//go:build gpu

package cuda

import (
	"twinview/engine/cuda/kernels"
	"twinview/engine/lowering"
	"twinview/model"
)

// image makes the calls of the ops that run on activations of either precision, or tells that the op is none of them.
func (w *work) image() bool {
	in, out := w.inputs, w.out
	each := kernels.Elementwise(out.elements())
	n := int64(out.elements())
	of := "_" + in[0].precision.String() // most kernels' names end in the type of their first input
	switch op := w.op.(type) {
	case narrow:
		w.call("narrow", each, n, in[0], out)
	case widen:
		w.call("widen", each, n, in[0], out)
	case model.Conv2D:
		w.convolve(shapeOf(in[0], in[1], op.Stride, op.Pad), in[1])
	case model.Conv2DInputGrad:
		w.convolveInputGrad(shapeOf(out, in[0], op.Stride, op.Pad), in[0], in[1])
	case model.Conv2DWeightGrad:
		w.convolveWeightGrad(shapeOf(in[0], out, op.Stride, op.Pad))
	case model.BatchStats, model.BatchNorm, model.BatchNormAffineGrad, model.BatchNormInputGrad:
		w.normalise()
	case model.ReLU:
		w.call("relu"+of, each, n, in[0], out)
	case model.ReLUGrad:
		w.call("relu_grad"+of, each, n, in[0], in[1], out)
	case lowering.Addition:
		w.call("add"+of, each, n, in[0], in[1], out)
	case model.GlobalAvgPool:
		batch, pixels, channels := pooled(in[0])
		w.call("average_pool"+of, each, batch, pixels, channels, in[0], out)
	case model.GlobalAvgPoolGrad:
		batch, pixels, channels := pooled(out)
		w.call("average_pool_grad_"+out.precision.String(), each, batch, pixels, channels, in[0], out)
	default:
		return false
	}
	return true
}

// pooled are the batch, the number of pixels and the channels of an NHWC value.
func pooled(v *value) (batch, pixels, channels int64) {
	return int64(v.shape[0]), int64(v.shape[1] * v.shape[2]), int64(v.shape[3])
}

// normalise makes the calls of batch norm and its gradients.
func (w *work) normalise() {
	x := w.inputs[0]
	rows, channels := x.rows()
	size, of := x.precision.bytes(), "_"+x.precision.String()
	sums, total := kernels.BatchNormSums(rows, channels, size), kernels.BatchNormTotal(channels)
	apply := kernels.BatchNormApply(rows, channels, size)
	r, c, parts := int64(rows), int64(channels), int64(sums.Parts())
	switch op := w.op.(type) {
	case model.BatchStats:
		partial := w.need(kernels.BatchNormScratch(rows, channels, size))
		w.call("batch_stats"+of, sums, r, c, x, partial)
		w.call("batch_stats_total"+of, total, r, c, parts, x, partial, w.out, null{}, null{})
	case model.BatchNorm:
		stats, weight, bias := w.inputs[1], w.inputs[2], w.inputs[3]
		w.call("batch_norm"+of, apply, r, c, float32(op.Epsilon), x, stats, weight, bias, null{}, int32(0), w.out)
	case model.BatchNormAffineGrad:
		stats, dy := w.inputs[1], w.inputs[2]
		partial := w.need(kernels.BatchNormScratch(rows, channels, size))
		w.call("batch_norm_affine_grad"+of, sums, r, c, float32(op.Epsilon), x, stats, null{}, null{}, dy, partial)
		w.call("batch_norm_affine_grad_total", total, c, parts, float32(op.Epsilon), stats, partial, w.out)
	case model.BatchNormInputGrad:
		stats, weight, dy, affine := w.inputs[1], w.inputs[2], w.inputs[3], w.inputs[4]
		w.call("batch_norm_input_grad"+of, apply, r, c, float32(op.Epsilon), x, stats, weight, null{}, dy, affine, w.out)
	}
}
