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
		if !c.Statistics {
			w.product(c, 1, in[0], in[1], null{}, out, null{})
			return
		}
		g, _ := implicitGEMM(c)
		tiles, each := g.Statistics(shape)
		rows, channels := out.Rows()
		statistics := w.need(tiles * 2 * channels * Float32.Bytes())
		w.product(c, 1, in[0], in[1], null{}, out, statistics)
		w.call("batch_stats_of_tiles", kernels.BatchStatsOfTiles(channels), int64(rows), int64(channels), int64(each),
			statistics, w.Outs[1])
	case lowering.InputGradient:
		var source any = null{}
		if c.Accumulate {
			source = in[2]
		}
		w.product(c, 1, in[1], in[0], source, out, null{})
	case lowering.WeightGradient:
		_, filters, _ := shape.Sizes()
		parts := partsOf(c)
		partials := w.need(parts * filters * Float32.Bytes())
		w.product(c, parts, in[1], in[0], null{}, partials, null{})
		w.call("convolution_weight_sum", shape.Filters(), int64(parts), int64(c.Shape.Out), int64(out.Shape[1]),
			int64(c.Shape.In), int64(c.Shape.Kernel*c.Shape.Kernel), partials, out)
	}
}

// passing is what convolutions do in passing, once their kernels are chosen.
var passing = lowering.Passing{Accumulates: func(lowering.Convolution) bool { return true }, Gathers: gathers}

// gathers tells whether the kernel of a convolution can make statistics of its result.
func gathers(c lowering.Convolution) bool {
	g, ok := implicitGEMM(c)
	return ok && g.Gathers()
}

// product makes the call that multiplies a by b, adds source if there is one, and leaves the result in parts, and the statistics
// of its tiles if they are wanted.
func (w *work) product(c lowering.Convolution, parts int, a, b, source, result, statistics any) {
	shape := kernels.Convolution(c.Shape)
	var arguments []any
	for _, n := range shape.Arguments() {
		arguments = append(arguments, n)
	}
	if g, ok := implicitGEMM(c); ok {
		arguments = append(arguments, int64(parts), a, b, source, result, statistics)
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
