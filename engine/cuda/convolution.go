//go:build gpu

package cuda

import (
	"twinview/engine/cuda/kernels"
	"twinview/engine/lowering"
)

// convolve makes the calls of a convolution whose operands layOut has prepared: x has the channels that the kernel wants, and
// in place of weights there are filters.
func (w *work) convolve(c lowering.Convolution) {
	in, out := w.Inputs, w.Out()
	shape := kernels.Convolution(c.Shape)
	switch c.Direction {
	case lowering.Forward:
		w.product(c, 1, in[0], in[1], null{}, out)
	case lowering.InputGradient:
		var source any = null{}
		if c.Accumulate {
			source = in[2]
		}
		w.product(c, 1, in[1], in[0], source, out)
	case lowering.WeightGradient:
		_, filters, _ := shape.Sizes()
		parts := partsOf(c)
		partials := w.need(parts * filters * Float32.Bytes())
		w.product(c, parts, in[1], in[0], null{}, partials)
		w.call("convolution_weight_sum", shape.Filters(), int64(parts), int64(c.Shape.Out), int64(out.Shape[1]),
			int64(c.Shape.In), int64(c.Shape.Kernel*c.Shape.Kernel), partials, out)
	}
}

// product makes the call that multiplies a by b, adds source if there is one, and leaves the result in parts.
func (w *work) product(c lowering.Convolution, parts int, a, b, source, result any) {
	shape := kernels.Convolution(c.Shape)
	var arguments []any
	for _, n := range shape.Arguments() {
		arguments = append(arguments, n)
	}
	if g, ok := implicitGEMM(c); ok {
		arguments = append(arguments, int64(parts), a, b, source, result)
		w.calls = append(w.calls, call{kernel: g.Kernel, launch: g.Launch(shape), arguments: arguments, implicit: true})
		return
	}
	kernel, launch := direct(c)
	switch c.Direction {
	case lowering.Forward:
		arguments = append(arguments, a, b, result)
	case lowering.InputGradient:
		arguments = append(arguments, b, a, source, result)
	case lowering.WeightGradient:
		arguments = append(arguments, b, a, result)
	}
	w.call(kernel, launch, arguments...)
}

// partsOf is the number of partial results that a weight gradient leaves.
func partsOf(c lowering.Convolution) int {
	if g, ok := implicitGEMM(c); ok {
		return g.Slices(kernels.Convolution(c.Shape))
	}
	_, launch := direct(c)
	return launch.Parts()
}

func direct(c lowering.Convolution) (kernel string, launch kernels.Launch) {
	return kernels.Convolution(c.Shape).Direct(kernels.Direction(c.Direction), c.Precision.String())
}

// implicitGEMM is the kernel that c's algorithm names, unless that is the direct one.
func implicitGEMM(c lowering.Convolution) (kernels.ImplicitGEMM, bool) {
	for _, n := range numbers {
		for _, g := range kernels.Convolution(c.Shape).ImplicitGEMMs(kernels.Direction(c.Direction), n) {
			if g.Kernel == c.Algorithm {
				return g, true
			}
		}
	}
	return kernels.ImplicitGEMM{}, false
}
