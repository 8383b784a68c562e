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

// lengths are shorter and longer than a block, with and without an end that is no whole access.
var lengths = []int{1, 3, 7 * 7 * 3, 1024, 70001}

func TestReLU(t *testing.T) {
	eachLength(t, func(d *device, e element, n int) {
		x, y := d.normal(e, n, 0, 1), d.empty(e, n)
		d.run(func() { d.launch("relu_"+e.name, kernels.Elementwise(n), int64(n), x, y) }, y)
		near(d.t, d.reference(model.ReLU{}, vector(e, x)), get(e, y), 0, 0)

		dy, dx := d.normal(e, n, 0, 1), d.empty(e, n)
		d.run(func() { d.launch("relu_grad_"+e.name, kernels.Elementwise(n), int64(n), y, dy, dx) }, dx)
		near(d.t, d.reference(model.ReLUGrad{}, vector(e, y), vector(e, dy)), get(e, dx), 0, 0)
	})
}

func TestReLUKeepsNaN(t *testing.T) {
	for _, e := range elements {
		d := newDevice(t)
		x := d.put(e, float32(math.NaN()), -1, float32(math.Inf(1)), float32(math.Inf(-1)), 0)
		d.launch("relu_"+e.name, kernels.Elementwise(5), int64(5), x, x)
		near(t, []float64{math.NaN(), 0, math.Inf(1), 0, 0}, get(e, x), 0, 0)
	}
}

func TestAdd(t *testing.T) {
	eachLength(t, func(d *device, e element, n int) {
		a, b, sum := d.normal(e, n, 0, 1), d.normal(e, n, 0, 1), d.empty(e, n)
		d.run(func() { d.launch("add_"+e.name, kernels.Elementwise(n), int64(n), a, b, sum) }, sum)
		want := get(e, a)
		for i, v := range get(e, b) {
			want[i] += v
		}
		near(d.t, want, get(e, sum), e.rounding, 0)

		d.launch("add_"+e.name, kernels.Elementwise(n), int64(n), a, b, a)
		near(d.t, get(e, sum), get(e, a), 0, 0)
	})
}

func TestScale(t *testing.T) {
	eachLength(t, func(d *device, e element, n int) {
		x, y := d.normal(e, n, 0, 1), d.empty(e, n)
		d.run(func() { d.launch("scale_"+e.name, kernels.Elementwise(n), int64(n), float32(-0.25), x, y) }, y)
		want := get(e, x)
		for i := range want {
			want[i] *= -0.25
		}
		near(d.t, want, get(e, y), 0, 0)
	})
}

// An array that is a part of another need not begin at a whole access.
func TestElementwiseOfAPart(t *testing.T) {
	for _, e := range elements {
		d := newDevice(t)
		const n = 1000
		x, other, y := d.normal(e, n+1, 0, 1), d.normal(e, n, 0, 1), d.empty(e, n)
		part := x.At(e.size)
		d.run(func() { d.launch("relu_"+e.name, kernels.Elementwise(n), int64(n), part, y) }, y)
		near(t, d.reference(model.ReLU{}, vector(e, part)), get(e, y), 0, 0)

		d.run(func() { d.launch("relu_grad_"+e.name, kernels.Elementwise(n), int64(n), other, part, y) }, y)
		near(t, d.reference(model.ReLUGrad{}, vector(e, other), vector(e, part)), get(e, y), 0, 0)

		d.run(func() { d.launch("scale_"+e.name, kernels.Elementwise(n), int64(n), float32(2), part, y) }, y)
		doubled := get(e, part)
		for i := range doubled {
			doubled[i] *= 2
		}
		near(t, doubled, get(e, y), 0, 0)

		d.run(func() { d.launch("add_"+e.name, kernels.Elementwise(n), int64(n), part, part, y) }, y)
		near(t, doubled, get(e, y), 0, 0)
	}
}

func TestConversions(t *testing.T) {
	for _, n := range lengths {
		d := newDevice(t)
		x, y, back := d.normal(float32s, n, 0, 1), d.empty(bfloat16s, n), d.empty(float32s, n)
		d.run(func() { d.launch("narrow", kernels.Elementwise(n), int64(n), x, y) }, y)
		for i, v := range x.Float32s() {
			require.Equal(t, toBfloat16(v), y.Bfloat16s()[i])
		}
		d.run(func() { d.launch("widen", kernels.Elementwise(n), int64(n), y, back) }, back)
		near(t, get(bfloat16s, y), get(float32s, back), 0, 0)
	}
}

func TestNarrowRoundsToEven(t *testing.T) {
	d := newDevice(t)
	x := d.put(float32s, 1+0x1p-8, 1+3*0x1p-8, 1+0x1p-8+0x1p-20, float32(math.Inf(-1)), math.MaxFloat32, float32(math.NaN()))
	y := d.empty(bfloat16s, 6)
	d.launch("narrow", kernels.Elementwise(6), int64(6), x, y)
	near(t, []float64{1, 1 + 0x1p-6, 1 + 0x1p-7, math.Inf(-1), math.Inf(1), math.NaN()}, get(bfloat16s, y), 0, 0)
}

func TestAddBias(t *testing.T) {
	d := newDevice(t)
	const rows, channels = 5, 33
	x, bias := d.normal(float32s, rows*channels, 0, 1), d.normal(float32s, channels, 0, 1)
	y := d.empty(float32s, rows*channels)
	d.run(func() {
		d.launch("add_bias_float32", kernels.Elementwise(rows*channels), int64(rows), int64(channels), x, bias, y)
	}, y)
	near(t, d.reference(model.AddBias{}, matrix(rows, x), vector(float32s, bias)), get(float32s, y), 1e-7, 1e-7)
}

func TestRowsGrad(t *testing.T) {
	d := newDevice(t)
	const width, from, to, rows = 70, 2, 5, 9
	dy, dx := d.normal(float32s, (to-from)*width, 0, 1), d.empty(float32s, rows*width)
	d.run(func() {
		d.launch("rows_grad_float32", kernels.Elementwise(rows*width), int64(from*width), int64((to-from)*width),
			int64(rows*width), dy, dx)
	}, dx)
	op := model.RowsGrad{From: from, To: to, N: rows}
	near(t, d.reference(op, matrix(to-from, dy)), get(float32s, dx), 0, 0)
}

func eachLength(t *testing.T, test func(d *device, e element, n int)) {
	for _, e := range elements {
		for _, n := range lengths {
			t.Run(fmt.Sprintf("%s/%d", e.name, n), func(t *testing.T) { test(newDevice(t), e, n) })
		}
	}
}

func vector(e element, m *host.Memory) array {
	values := get(e, m)
	return array{[]int{len(values)}, values}
}

// matrix sees float32s as a number of rows.
func matrix(rows int, m *host.Memory) array {
	values := get(float32s, m)
	return array{[]int{rows, len(values) / rows}, values}
}
