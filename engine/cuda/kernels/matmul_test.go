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

// multiply makes c [m, n] of a and b, by way of the parts that the launch has.
func (d *device) multiply(
	kernel string, launch kernels.Launch, op model.MatMul, m, n, k int, a, b, bias, c *host.Memory,
) {
	d.t.Helper()
	into := c
	if launch.Parts() > 1 {
		into = d.empty(float32s, launch.Parts()*m*n)
	}
	d.launch(kernel, launch, kernels.Flag(op.TransA), kernels.Flag(op.TransB), int64(m), int64(n), int64(k), a, b, bias, into)
	if launch.Parts() > 1 {
		d.launch("add_parts", kernels.Elementwise(m*n), int64(m*n), int64(launch.Parts()), into, c)
	}
}

// Products whose tiles fill a device are not divided, nor are short sums.
func TestMatMulParts(t *testing.T) {
	for _, s := range []struct{ m, n, k, parts int }{
		{256, 256, 2048, 8}, {256, 256, 8192, 16}, {512, 512, 1024, 4}, {1024, 1024, 8192, 1}, {2048, 2048, 8192, 1}, {64, 64, 511, 1}, {1, 1, 1, 1},
	} {
		require.Equal(t, s.parts, kernels.MatMul(s.m, s.n, s.k).Parts(), "%v", s)
		require.Equal(t, s.parts, kernels.MatMulTensor(s.m, s.n, s.k).Parts(), "%v", s)
	}
}

// product is a [m, k] · b [k, n], either of which may lie in memory transposed, and what a test needs of it.
type product struct {
	*device
	m, n, k       int
	op            model.MatMul
	a, b, bias, c *host.Memory
}

func eachProduct(t *testing.T, shapes [][3]int, test func(p product)) {
	for _, s := range shapes {
		for transposed := range 4 {
			op := model.MatMul{TransA: transposed&1 != 0, TransB: transposed&2 != 0}
			t.Run(fmt.Sprintf("%v/%v", s, op), func(t *testing.T) {
				d, m, n, k := newDevice(t), s[0], s[1], s[2]
				test(product{
					device: d, m: m, n: n, k: k, op: op, a: d.normal(float32s, m*k, 0, 1), b: d.normal(float32s, k*n, 0, 1),
					bias: d.normal(float32s, n, 0, 1), c: d.empty(float32s, m*n),
				})
			})
		}
	}
}

// make makes c by a kernel.
func (p product) make(kernel string, launch kernels.Launch, bias *host.Memory) {
	p.t.Helper()
	p.run(func() { p.multiply(kernel, launch, p.op, p.m, p.n, p.k, p.a, p.b, bias, p.c) }, p.c)
}

// want is the product of the factors as round leaves them.
func (p product) want(round func(float64) float64) []float64 {
	of := func(x *host.Memory, rows, columns int, transposed bool) array {
		m := oriented(x, rows, columns, transposed)
		for i, v := range m.values {
			m.values[i] = round(v)
		}
		return m
	}
	return p.reference(p.op, of(p.a, p.m, p.k, p.op.TransA), of(p.b, p.k, p.n, p.op.TransB))
}

func (p product) check(want []float64) {
	p.t.Helper()
	near(p.t, want, get(float32s, p.c), 1e-5, tolerance(p.k, float32s.rounding))
}

// biased is a product with the bias.
func (p product) biased(want []float64) []float64 {
	return p.reference(model.AddBias{}, array{[]int{p.m, p.n}, want}, vector(float32s, p.bias))
}

func TestMatMul(t *testing.T) {
	eachProduct(t, [][3]int{{1, 1, 1}, {3, 10, 33}, {65, 64, 16}, {100, 70, 130}, {5, 66, 1033}}, func(p product) {
		launch, want := kernels.MatMul(p.m, p.n, p.k), p.want(func(v float64) float64 { return v })
		p.make("matmul_float32", launch, nil)
		p.check(want)
		p.make("matmul_float32", launch, p.bias)
		p.check(p.biased(want))
	})
}

// On tensor cores the product is that of the factors as TF32 has them.
func TestMatMulTensor(t *testing.T) {
	eachProduct(t, [][3]int{{1, 1, 1}, {3, 10, 33}, {64, 64, 32}, {100, 70, 131}, {68, 132, 36}, {5, 68, 1033}}, func(p product) {
		p.make("matmul_tfloat32", kernels.MatMulTensor(p.m, p.n, p.k), p.bias)
		p.check(p.biased(p.want(toTFloat32)))
	})
}

// toTFloat32 rounds to 10 bits of fraction, ties away from 0.
func toTFloat32(v float64) float64 {
	return float64(math.Float32frombits((math.Float32bits(float32(v)) + 0x1000) &^ 0x1fff))
}

// Numbers that are no numbers come through.
func TestMatMulTensorKeepsNaN(t *testing.T) {
	d := newDevice(t)
	a, b := d.put(float32s, float32(math.NaN()), 1, 2, float32(math.Inf(1))), d.put(float32s, 1, 1)
	c := d.empty(float32s, 2)
	d.launch("matmul_tfloat32", kernels.MatMulTensor(2, 1, 2), int32(0), int32(0), int64(2), int64(1), int64(2), a, b,
		(*host.Memory)(nil), c)
	near(t, []float64{math.NaN(), math.Inf(1)}, get(float32s, c), 0, 0)
}

func oriented(m *host.Memory, rows, columns int, transposed bool) array {
	if transposed {
		rows, columns = columns, rows
	}
	return array{[]int{rows, columns}, get(float32s, m)}
}
