//go:build gpu

package cuda

import (
	"twinview/engine/cuda/kernels"
	"twinview/engine/lowering"
	"twinview/model"
)

// image makes the calls of the ops that run on activations of either precision, or tells that the op is none of them.
func (w *work) image() bool {
	in, out := w.Inputs, w.Out()
	each := kernels.Elementwise(out.Elements())
	n := int64(out.Elements())
	of := "_" + in[0].Precision.String() // most kernels' names end in the type of their first input
	switch op := w.Op.(type) {
	case lowering.Narrow:
		w.call("narrow", each, n, in[0], out)
	case lowering.Widen:
		w.call("widen", each, n, in[0], out)
	case filters:
		w.call("filters_"+out.Precision.String(), each, int64(out.Shape[0]), int64(in[0].Shape[1]), int64(out.Shape[3]),
			int64(out.Shape[1]*out.Shape[2]), in[0], out)
	case padChannels:
		pixels, channels := in[0].Rows()
		w.call("pad_channels"+of, each, int64(pixels), int64(channels), int64(out.Shape[3]), in[0], out)
	case lowering.Convolution:
		w.convolve(op)
	case model.BatchStats, lowering.NormAddReLU, lowering.NormAffineGrad, lowering.NormInputGrad, lowering.ReLUNormAffineGrad:
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
		w.call("average_pool_grad_"+out.Precision.String(), each, batch, pixels, channels, in[0], out)
	default:
		return false
	}
	return true
}

// pooled are the batch, the number of pixels and the channels of an NHWC value.
func pooled(v *lowering.Value) (batch, pixels, channels int64) {
	return int64(v.Shape[0]), int64(v.Shape[1] * v.Shape[2]), int64(v.Shape[3])
}

// normalise makes the calls of batch norm and its gradients, with the addition and the ReLU around them.
func (w *work) normalise() {
	in, out := w.Inputs, w.Out()
	x, stats := in[0], any(null{})
	if len(in) > 1 {
		stats = in[1]
	}
	rows, channels := x.Rows()
	size, of := x.Precision.Bytes(), "_"+x.Precision.String()
	sums, total := kernels.BatchNormSums(rows, channels, size), kernels.BatchNormTotal(channels)
	apply := kernels.BatchNormApply(rows, channels, size)
	r, c, parts := int64(rows), int64(channels), int64(sums.Parts())
	partial := func() scratch { return w.need(kernels.BatchNormScratch(rows, channels, size)) }
	switch op := w.Op.(type) {
	case model.BatchStats:
		p := partial()
		w.call("batch_stats"+of, sums, r, c, x, p)
		w.call("batch_stats_total"+of, total, r, c, parts, x, p, out, null{}, null{})
	case lowering.NormAddReLU:
		w.call("batch_norm"+of, apply, r, c, float32(op.Epsilon), x, stats, in[2], in[3], w.optional(4), kernels.Flag(op.ReLU), out)
	case lowering.NormAffineGrad:
		p := partial()
		w.call("batch_norm_affine_grad"+of, sums, r, c, float32(op.Epsilon), x, stats, w.optional(3), w.optional(4), in[2], p)
		w.call("batch_norm_affine_grad_total", total, c, parts, float32(op.Epsilon), stats, p, out)
	case lowering.ReLUNormAffineGrad:
		p := partial()
		w.call("relu_batch_norm_affine_grad"+of, sums, r, c, x, stats, in[2], in[3], out, p)
		w.call("batch_norm_affine_grad_total", total, c, parts, float32(op.Epsilon), stats, p, w.Outs[1])
	case lowering.NormInputGrad:
		w.call("batch_norm_input_grad"+of, apply, r, c, float32(op.Epsilon), x, stats, in[2], w.optional(5), in[3], in[4], out)
	}
}

// optional is input number at, null where there are fewer.
func (w *work) optional(at int) any {
	if at < len(w.Inputs) {
		return w.Inputs[at]
	}
	return null{}
}
