//go:build gpu

package cuda

import "twinview/engine/cuda/kernels"

// shapeOf is the convolution of x [batch, height, width, in] with weights [out, in, kernel, kernel].
func shapeOf(x, weights *value, stride, pad int) kernels.Convolution {
	return kernels.Convolution{
		Batch: x.shape[0], Height: x.shape[1], Width: x.shape[2], In: weights.shape[1], Out: weights.shape[0],
		Kernel: weights.shape[2], Stride: stride, Pad: pad,
	}
}

// sizes are the arguments that every convolution takes first.
func sizes(c kernels.Convolution) []any {
	var arguments []any
	for _, n := range c.Arguments() {
		arguments = append(arguments, n)
	}
	return arguments
}

// filters makes filters of the weights, as kernels want them.
func (w *work) filters(c kernels.Convolution, weights *value, p Precision) scratch {
	_, size, _ := c.Sizes()
	made, in := w.need(size*p.bytes()), int64(c.In)
	w.call("filters_"+p.String(), c.Filters(), int64(c.Out), in, in, int64(c.Kernel*c.Kernel), weights, made)
	return made
}

func (w *work) convolve(c kernels.Convolution, weights *value) {
	x := w.inputs[0]
	filters := w.filters(c, weights, x.precision)
	kernel, launch := c.Direct(kernels.Forward, x.precision.String())
	w.call(kernel, launch, append(sizes(c), x, filters, w.out)...)
}

func (w *work) convolveInputGrad(c kernels.Convolution, weights, dy *value) {
	filters := w.filters(c, weights, dy.precision)
	kernel, launch := c.Direct(kernels.InputGradient, dy.precision.String())
	w.call(kernel, launch, append(sizes(c), filters, dy, null{}, w.out)...)
}

func (w *work) convolveWeightGrad(c kernels.Convolution) {
	x, dy := w.inputs[0], w.inputs[1]
	kernel, launch := c.Direct(kernels.WeightGradient, x.precision.String())
	_, size, _ := c.Sizes()
	partials := w.need(launch.Parts() * size * Float32.bytes())
	w.call(kernel, launch, append(sizes(c), x, dy, partials)...)
	in := int64(c.In)
	w.call("convolution_weight_sum", c.Filters(), int64(launch.Parts()), int64(c.Out), in, in, int64(c.Kernel*c.Kernel),
		partials, w.out)
}
