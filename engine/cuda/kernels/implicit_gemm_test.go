package kernels_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
	"twinview/model"
)

// convolutions have channels in eights and tiles that are full along no side, in one to four columns of tiles; those of the last
// one are full.
var convolutions = []kernels.Convolution{
	{Batch: 2, Height: 9, Width: 7, In: 8, Out: 16, Kernel: 3, Stride: 1, Pad: 1},
	{Batch: 3, Height: 8, Width: 7, In: 24, Out: 136, Kernel: 3, Stride: 2, Pad: 1},
	{Batch: 2, Height: 7, Width: 5, In: 200, Out: 8, Kernel: 1, Stride: 2, Pad: 0},
	{Batch: 5, Height: 6, Width: 5, In: 72, Out: 200, Kernel: 1, Stride: 1, Pad: 0},
	{Batch: 3, Height: 12, Width: 11, In: 136, Out: 72, Kernel: 3, Stride: 1, Pad: 1},
	{Batch: 2, Height: 8, Width: 8, In: 64, Out: 128, Kernel: 3, Stride: 1, Pad: 1},
}

var numbers = []kernels.Number{kernels.BFloat16, kernels.TF32, kernels.Float32}

// rounding is that of factors.
func rounding(n kernels.Number) float64 {
	if n == kernels.TF32 {
		return 0x1p-11
	}
	return float32s.rounding
}

func elementOf(n kernels.Number) element {
	if n.Elements() == bfloat16s.name {
		return bfloat16s
	}
	return float32s
}

// implicit runs a kernel from poisoned memory, in several orders.
func (v *convolved) implicit(g kernels.ImplicitGEMM, a, b, source, result, statistics *host.Memory) {
	v.t.Helper()
	made := []*host.Memory{result}
	if statistics != nil {
		made = append(made, statistics)
	}
	v.run(func() { v.launchImplicit(g, a, b, source, result, statistics) }, made...)
}

// launchImplicit launches a kernel as the engine does: parameters first, then the kernel with them.
func (v *convolved) launchImplicit(g kernels.ImplicitGEMM, a, b, source, result, statistics *host.Memory) {
	v.t.Helper()
	parameters := v.bytes(kernels.ParameterBytes)
	arguments := append(v.sizes(), int64(g.Slices(v.Convolution)), a, b, source, result, statistics, parameters)
	v.launch(g.Kernel+"_parameters", kernels.ParametersLaunch(), arguments...)
	v.launch(g.Kernel, g.Launch(v.Convolution), parameters.Bytes())
}

// checkStatistics joins what a kernel gathered of its tiles and compares it with the statistics of what it made.
func (v *convolved) checkStatistics(g kernels.ImplicitGEMM, tiles *host.Memory) {
	v.t.Helper()
	_, each := g.Statistics(v.Convolution)
	_, _, y := v.Sizes()
	stats := v.empty(float32s, 2*v.Out)
	v.run(func() {
		v.launch("batch_stats_of_tiles", kernels.BatchStatsOfTiles(v.Out), int64(y/v.Out), int64(v.Out), int64(each), tiles, stats)
	}, stats)
	made := v.output(v.y)
	want := v.reference(model.BatchStats{}, array{[]int{y / v.Out, v.Out}, made.values})
	near(v.t, want, get(float32s, stats), 1e-5, 1e-5)
}

// checkImplicit runs a kernel and compares. Input channels from `in` on are padding.
func (v *convolved) checkImplicit(g kernels.ImplicitGEMM, in int) {
	v.t.Helper()
	x, filters, _ := v.Sizes()
	switch g.Direction {
	case kernels.Forward:
		v.implicit(g, v.x, v.filters, nil, v.y, nil)
		v.checkForward(rounding(g.Number))
		if !g.Gathers() {
			return
		}
		tiles, _ := g.Statistics(v.Convolution)
		statistics := v.empty(float32s, tiles*2*v.Out)
		v.implicit(g, v.x, v.filters, nil, v.y, statistics)
		v.checkForward(rounding(g.Number))
		v.checkStatistics(g, statistics)
	case kernels.InputGradient:
		dx := v.empty(v.element, x)
		v.implicit(g, v.dy, v.filters, nil, dx, nil)
		v.checkInputGradient(dx, false, rounding(g.Number))
		v.implicit(g, v.dy, v.filters, v.source, dx, nil)
		v.checkInputGradient(dx, true, rounding(g.Number))
		// What it is added to may be in its place.
		copy(dx.Bytes(), v.source.Bytes())
		v.launchImplicit(g, v.dy, v.filters, dx, dx, nil)
		v.checkInputGradient(dx, true, rounding(g.Number))
	case kernels.WeightGradient:
		partials := v.empty(float32s, g.Slices(v.Convolution)*filters)
		v.implicit(g, v.dy, v.x, nil, partials, nil)
		v.checkWeightGradient(partials, g.Slices(v.Convolution), in, rounding(g.Number))
	}
}

// eachKernel calls f for each kernel that takes a convolution.
func eachKernel(c kernels.Convolution, f func(g kernels.ImplicitGEMM)) {
	for _, n := range numbers {
		for d := kernels.Forward; d <= kernels.WeightGradient; d++ {
			for _, g := range c.ImplicitGEMMs(d, n) {
				f(g)
			}
		}
	}
}

func TestImplicitGEMM(t *testing.T) {
	for _, c := range append(convolutions, oddConvolutions...) {
		eachKernel(c, func(g kernels.ImplicitGEMM) {
			t.Run(fmt.Sprintf("%s/%+v", g.Kernel, c), func(t *testing.T) {
				newConvolved(t, c, elementOf(g.Number)).checkImplicit(g, c.In)
			})
		})
	}
}

// Images have three channels, and one of zeros for the kernels that want four.
func TestImplicitGEMMOfImages(t *testing.T) {
	const in = 3
	c := kernels.Convolution{Batch: 2, Height: 9, Width: 8, In: in, Out: 24, Kernel: 3, Stride: 1, Pad: 1}.Padded(4)
	for _, n := range []kernels.Number{kernels.BFloat16, kernels.TF32} {
		for _, d := range []kernels.Direction{kernels.Forward, kernels.WeightGradient} {
			fitting := c.ImplicitGEMMs(d, n)
			require.NotEmpty(t, fitting)
			for _, g := range fitting {
				t.Run(g.Kernel, func(t *testing.T) {
					v := newConvolved(t, c, elementOf(n))
					images := v.normal(v.element, c.Batch*c.Height*c.Width*in, 0, 1)
					v.launch("pad_channels_"+v.element.name, c.PadChannels(),
						int64(c.Batch*c.Height*c.Width), int64(in), int64(c.In), images, v.x)
					v.run(func() { v.makeFilters(in) }, v.filters)
					v.checkImplicit(g, in)
				})
			}
		}
	}
}

// The convolutions of ResNet-18 on CIFAR-10 all have kernels, for gradients too, and enough blocks for a large device.
func TestImplicitGEMMsOfResNet(t *testing.T) {
	layers := []kernels.Convolution{
		{Batch: 1024, Height: 32, Width: 32, In: 64, Out: 64, Kernel: 3, Stride: 1, Pad: 1},
		{Batch: 1024, Height: 32, Width: 32, In: 64, Out: 128, Kernel: 3, Stride: 2, Pad: 1},
		{Batch: 1024, Height: 32, Width: 32, In: 64, Out: 128, Kernel: 1, Stride: 2, Pad: 0},
		{Batch: 1024, Height: 4, Width: 4, In: 512, Out: 512, Kernel: 3, Stride: 1, Pad: 1},
	}
	for _, c := range layers {
		for _, n := range numbers {
			for d := kernels.Forward; d <= kernels.WeightGradient; d++ {
				fitting := c.ImplicitGEMMs(d, n)
				require.GreaterOrEqual(t, len(fitting), 2, "%v of %+v", d, c)
				grid := fitting[0].Launch(c).Grid
				require.GreaterOrEqual(t, grid[0]*grid[1]*grid[2], 100, "%s of %+v", fitting[0].Kernel, c)
			}
		}
	}
}

func TestImplicitGEMMsRefuseHugeTensors(t *testing.T) {
	c := kernels.Convolution{Batch: 1 << 16, Height: 32, Width: 32, In: 64, Out: 64, Kernel: 3, Stride: 1, Pad: 1}
	eachKernel(c, func(g kernels.ImplicitGEMM) { t.Errorf("%s takes %+v, whose tensors have 2 GiB and more", g.Kernel, c) })
}
