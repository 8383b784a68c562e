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
	d.launch(kernel, launch, flag(op.TransA), flag(op.TransB), int64(m), int64(n), int64(k), a, b, bias, into)
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

func TestMatMul(t *testing.T) {
	shapes := []struct{ m, n, k int }{{1, 1, 1}, {3, 10, 33}, {65, 64, 16}, {100, 70, 130}, {5, 66, 1033}}
	for _, s := range shapes {
		for transposed := range 4 {
			op := model.MatMul{TransA: transposed&1 != 0, TransB: transposed&2 != 0}
			t.Run(fmt.Sprintf("%v/%v", s, op), func(t *testing.T) {
				d := newDevice(t)
				a, b := d.normal(float32s, s.m*s.k, 0, 1), d.normal(float32s, s.k*s.n, 0, 1)
				bias, c := d.normal(float32s, s.n, 0, 1), d.empty(float32s, s.m*s.n)
				multiply := func(bias *host.Memory) {
					d.multiply("matmul_float32", kernels.MatMul(s.m, s.n, s.k), op, s.m, s.n, s.k, a, b, bias, c)
				}
				want := d.reference(op, oriented(a, s.m, s.k, op.TransA), oriented(b, s.k, s.n, op.TransB))
				d.run(func() { multiply(nil) }, c)
				near(t, want, get(float32s, c), 1e-5, tolerance(s.k, float32s.rounding))

				want = d.reference(model.AddBias{}, array{[]int{s.m, s.n}, want}, vector(float32s, bias))
				d.run(func() { multiply(bias) }, c)
				near(t, want, get(float32s, c), 1e-5, tolerance(s.k, float32s.rounding))
			})
		}
	}
}

// On tensor cores the product is that of the factors as TF32 has them.
func TestMatMulTensor(t *testing.T) {
	shapes := []struct{ m, n, k int }{{1, 1, 1}, {3, 10, 33}, {64, 64, 32}, {100, 70, 131}, {68, 132, 36}, {5, 68, 1033}}
	for _, s := range shapes {
		for transposed := range 4 {
			op := model.MatMul{TransA: transposed&1 != 0, TransB: transposed&2 != 0}
			t.Run(fmt.Sprintf("%v/%v", s, op), func(t *testing.T) {
				d := newDevice(t)
				a, b := d.normal(float32s, s.m*s.k, 0, 1), d.normal(float32s, s.k*s.n, 0, 1)
				bias, c := d.normal(float32s, s.n, 0, 1), d.empty(float32s, s.m*s.n)
				d.run(func() {
					d.multiply("matmul_tfloat32", kernels.MatMulTensor(s.m, s.n, s.k), op, s.m, s.n, s.k, a, b, bias, c)
				}, c)
				of := func(x *host.Memory, rows, columns int, transposed bool) array {
					m := oriented(x, rows, columns, transposed)
					for i, v := range m.values {
						m.values[i] = toTFloat32(v)
					}
					return m
				}
				want := d.reference(op, of(a, s.m, s.k, op.TransA), of(b, s.k, s.n, op.TransB))
				want = d.reference(model.AddBias{}, array{[]int{s.m, s.n}, want}, vector(float32s, bias))
				near(t, want, get(float32s, c), 1e-5, tolerance(s.k, float32s.rounding))
			})
		}
	}
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

func flag(set bool) int32 {
	if set {
		return 1
	}
	return 0
}
