package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
	"twinview/model"
)

// oddConvolutions have sizes that fit nothing: heights that are no widths, an even kernel, more stride than kernel, pixels
// that no output takes.
var oddConvolutions = []kernels.Convolution{
	{Batch: 2, Height: 5, Width: 7, In: 3, Out: 5, Kernel: 3, Stride: 1, Pad: 1},
	{Batch: 3, Height: 8, Width: 6, In: 7, Out: 9, Kernel: 3, Stride: 2, Pad: 1},
	{Batch: 1, Height: 9, Width: 4, In: 4, Out: 2, Kernel: 1, Stride: 2, Pad: 0},
	{Batch: 2, Height: 6, Width: 5, In: 5, Out: 3, Kernel: 1, Stride: 1, Pad: 0},
	{Batch: 2, Height: 9, Width: 8, In: 2, Out: 3, Kernel: 2, Stride: 3, Pad: 0},
	{Batch: 1, Height: 7, Width: 7, In: 3, Out: 4, Kernel: 5, Stride: 2, Pad: 2},
	{Batch: 40, Height: 4, Width: 3, In: 1, Out: 1, Kernel: 3, Stride: 1, Pad: 1},
}

// convolved is a convolution's tensors on the device, and the same for the model: w are its weights [out, in, kernel, kernel].
type convolved struct {
	*device
	kernels.Convolution
	element element
	x, w, filters, y,
	dy, source *host.Memory
}

func newConvolved(t *testing.T, c kernels.Convolution, e element) *convolved {
	d := newDevice(t)
	x, filters, y := c.Sizes()
	v := &convolved{device: d, Convolution: c, element: e}
	v.x, v.dy, v.source = d.normal(e, x, 0, 1), d.normal(e, y, 0, 1), d.normal(e, x, 0, 1)
	v.w = d.normal(float32s, filters, 0, 1)
	v.filters, v.y = d.empty(e, filters), d.empty(e, y)
	d.run(func() { v.makeFilters(v.In) }, v.filters)
	return v
}

func (v *convolved) makeFilters(in int) {
	v.launch("filters_"+v.element.name, v.Filters(), int64(v.Out), int64(in), int64(v.In), int64(v.Kernel*v.Kernel), v.w, v.filters)
}

func (v *convolved) sizes() []any {
	var sizes []any
	for _, n := range v.Arguments() {
		sizes = append(sizes, n)
	}
	return sizes
}

func (v *convolved) input(m *host.Memory) array {
	return array{[]int{v.Batch, v.Height, v.Width, v.In}, get(v.element, m)}
}

func (v *convolved) output(m *host.Memory) array {
	height, width := v.Output()
	return array{[]int{v.Batch, height, width, v.Out}, get(v.element, m)}
}

// weights are the filters, which may be rounded, in the model's order.
func (v *convolved) weights() array {
	filters, taps := get(v.element, v.filters), v.Kernel*v.Kernel
	values := make([]float64, len(filters))
	for at, f := range filters {
		o, tap, i := at/(taps*v.In), at/v.In%taps, at%v.In
		values[(o*v.In+i)*taps+tap] = f
	}
	return array{[]int{v.Out, v.In, v.Kernel, v.Kernel}, values}
}

// tolerance is how far a sum of n products of numbers around 1 may be off whose factors are rounded by `rounding`: each product,
// and each of the sums on the way, which grow with √n.
func tolerance(n int, rounding float64) float64 {
	return 16*rounding*math.Sqrt(float64(n)) + 8*float32s.rounding*float64(n)
}

func (v *convolved) checkForward(rounding float64) {
	want := v.reference(model.Conv2D{Stride: v.Stride, Pad: v.Pad}, v.input(v.x), v.weights())
	near(v.t, want, get(v.element, v.y), v.element.rounding, tolerance(v.In*v.Kernel*v.Kernel, rounding))
}

func (v *convolved) checkInputGradient(dx *host.Memory, source bool, rounding float64) {
	op := model.Conv2DInputGrad{Stride: v.Stride, Pad: v.Pad, Height: v.Height, Width: v.Width}
	want := v.reference(op, v.weights(), v.output(v.dy))
	if source {
		for i, s := range get(v.element, v.source) {
			want[i] += s
		}
	}
	near(v.t, want, get(v.element, dx), v.element.rounding, tolerance(v.Out*v.Kernel*v.Kernel, rounding))
}

// checkWeightGradient adds up the parts and compares. Input channels from `in` on are padding.
func (v *convolved) checkWeightGradient(partials *host.Memory, parts, in int, rounding float64) {
	taps := v.Kernel * v.Kernel
	dw := v.empty(float32s, v.Out*in*taps)
	v.run(func() {
		v.launch("convolution_weight_sum", v.Filters(),
			int64(parts), int64(v.Out), int64(in), int64(v.In), int64(taps), partials, dw)
	}, dw)
	op := model.Conv2DWeightGrad{Stride: v.Stride, Pad: v.Pad, Kernel: v.Kernel}
	whole := v.reference(op, v.input(v.x), v.output(v.dy))
	want := make([]float64, 0, v.Out*in*taps)
	for o := range v.Out {
		want = append(want, whole[o*v.In*taps:][:in*taps]...)
	}
	_, _, y := v.Sizes()
	near(v.t, want, get(float32s, dw), float32s.rounding, tolerance(y/v.Out, rounding))
}

func TestDirectConvolution(t *testing.T) {
	for _, e := range elements {
		for _, c := range oddConvolutions {
			t.Run(fmt.Sprintf("%s/%+v", e.name, c), func(t *testing.T) {
				v := newConvolved(t, c, e)
				x, filters, _ := c.Sizes()

				kernel, launch := c.Direct(kernels.Forward, e.name)
				v.run(func() { v.launch(kernel, launch, append(v.sizes(), v.x, v.filters, v.y)...) }, v.y)
				v.checkForward(float32s.rounding)

				dx := v.empty(e, x)
				kernel, launch = c.Direct(kernels.InputGradient, e.name)
				v.run(func() { v.launch(kernel, launch, append(v.sizes(), v.filters, v.dy, (*host.Memory)(nil), dx)...) }, dx)
				v.checkInputGradient(dx, false, float32s.rounding)
				v.run(func() { v.launch(kernel, launch, append(v.sizes(), v.filters, v.dy, v.source, dx)...) }, dx)
				v.checkInputGradient(dx, true, float32s.rounding)

				kernel, launch = c.Direct(kernels.WeightGradient, e.name)
				partials := v.empty(float32s, launch.Parts()*filters)
				v.run(func() { v.launch(kernel, launch, append(v.sizes(), v.x, v.dy, partials)...) }, partials)
				v.checkWeightGradient(partials, launch.Parts(), c.In, float32s.rounding)
			})
		}
	}
}

// An input gradient that is added to what came by the shortcut may take its place.
func TestDirectInputGradientInPlace(t *testing.T) {
	v := newConvolved(t, oddConvolutions[1], float32s)
	kernel, launch := v.Direct(kernels.InputGradient, v.element.name)
	x, _, _ := v.Sizes()
	dx := v.put(v.element, make([]float32, x)...)
	copy(dx.Bytes(), v.source.Bytes())
	v.launch(kernel, launch, append(v.sizes(), v.filters, v.dy, dx, dx)...)
	v.checkInputGradient(dx, true, float32s.rounding)
}

func TestDirectWeightGradientHasParts(t *testing.T) {
	_, launch := oddConvolutions[6].Direct(kernels.WeightGradient, "float32")
	require.Greater(t, launch.Parts(), 1)
}

func TestPadChannels(t *testing.T) {
	for _, e := range elements {
		d := newDevice(t)
		const pixels, channels = 77, 3
		x, y := d.normal(e, pixels*channels, 0, 1), d.empty(e, pixels*4)
		c := kernels.Convolution{Batch: 1, Height: 7, Width: 11, In: channels, Out: 1, Kernel: 1, Stride: 1}.Padded(4)
		d.run(func() {
			d.launch("pad_channels_"+e.name, c.PadChannels(), int64(pixels), int64(channels), int64(c.In), x, y)
		}, y)
		from, to := get(e, x), get(e, y)
		for p := range pixels {
			require.Equal(t, append(from[p*channels:][:channels:channels], 0), to[p*4:][:4])
		}
	}
}
