package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
	"twinview/model"
)

// twins are standardised projections of two views, with what the kernels make of them.
type twins struct {
	*device
	rows, columns int
	lambda        float64
	a, b          *host.Memory
	losses, loss  *host.Memory
	dloss, da     *host.Memory
}

func newTwins(t *testing.T, rows, columns int, lambda float64) twins {
	d := newDevice(t)
	n, r, c := rows*columns, int64(rows), int64(columns)
	a, b := d.empty(float32s, n), d.empty(float32s, n)
	d.launch("standardize", kernels.Columns(columns), r, c, d.normal(float32s, n, 0.1, 1), a)
	d.launch("standardize", kernels.Columns(columns), r, c, d.normal(float32s, n, 0.1, 1), b)
	return twins{
		device: d, rows: rows, columns: columns, lambda: lambda, a: a, b: b,
		losses: d.bytes(8 * (min(rows, columns) + columns)), loss: d.empty(float32s, 1),
		dloss: d.put(float32s, 0.7), da: d.empty(float32s, n),
	}
}

// product is what matmul.cu's tests are about.
func (w twins) product(op model.MatMul, x, y array) *host.Memory {
	w.t.Helper()
	var values []float32
	for _, v := range w.reference(op, x, y) {
		values = append(values, float32(v))
	}
	return w.put(float32s, values...)
}

func (w twins) of(m *host.Memory) array { return matrix(w.rows, m) }

func (w twins) forward(x, y *host.Memory) {
	w.t.Helper()
	side, rows, columns := min(w.rows, w.columns), int64(w.rows), int64(w.columns)
	ofDiagonal := w.bytes(8 * w.columns)
	w.launch("redundancy_reduction_squares", kernels.Rows(side), int64(side), int64(side), w.lambda, x, y, w.losses)
	w.launch("redundancy_reduction_diagonal", kernels.Columns(w.columns), rows, columns, w.lambda, w.a, w.b, ofDiagonal)
	copy(w.losses.Bytes()[8*side:], ofDiagonal.Bytes())
	w.launch("sum", kernels.Single(), int64(side)+columns, w.losses, w.loss)
}

func (w twins) backward(product *host.Memory) {
	w.t.Helper()
	copy(w.da.Bytes(), product.Bytes())
	w.launch("redundancy_reduction_grad", kernels.Columns(w.columns), int64(w.rows), int64(w.columns), w.lambda, w.a, w.b,
		w.dloss, w.da)
}

func TestRedundancyReduction(t *testing.T) {
	for _, s := range []struct {
		rows, columns int
		lambda        float64
	}{
		{2, 1, 0.0051}, {2, 7, 0.0051}, {33, 33, 0.5}, {40, 130, 0.0051}, {70, 33, 0.0051}, {301, 200, 0.0051}, {33, 64, 0},
		{33, 64, 1e6},
	} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			w := newTwins(t, s.rows, s.columns, s.lambda)
			a, b := w.of(w.a), w.of(w.b)
			op := model.RedundancyReduction{Lambda: s.lambda}
			want := w.reference(op, a, b)

			c := w.product(model.MatMul{TransA: true}, a, b)
			if s.rows > s.columns {
				w.run(func() { w.forward(c, c) }, w.losses, w.loss)
			} else {
				ofA, ofB := w.product(model.MatMul{TransB: true}, a, a), w.product(model.MatMul{TransB: true}, b, b)
				w.run(func() { w.forward(ofA, ofB) }, w.losses, w.loss)
			}
			rounding := 1e-6 * math.Max(1, s.lambda) // of views so alike that what is taken away leaves nothing
			near(t, want, get(float32s, w.loss), 1e-5, rounding)

			ofB := array{[]int{s.rows, s.rows}, w.reference(model.MatMul{TransB: true}, b, b)}
			product := w.product(model.MatMul{}, ofB, a)
			w.run(func() { w.backward(product) }, w.da)
			grad := w.reference(model.RedundancyReductionGrad{Lambda: s.lambda}, a, b, array{nil, get(float32s, w.dloss)})
			near(t, grad, get(float32s, w.da), 1e-5, rounding)
		})
	}
}

// NaN in a gradient or a correlation is seen, whatever λ is.
func TestRedundancyReductionKeepsNaN(t *testing.T) {
	w := newTwins(t, 4, 3, 0)
	square := w.normal(float32s, 9, 0, 1)
	square.Float32s()[4] = float32(math.NaN())
	w.forward(square, square)
	near(t, []float64{math.NaN()}, get(float32s, w.loss), 0, 0)

	square.Float32s()[4] = 1
	w.a.Float32s()[11] = float32(math.NaN())
	w.forward(square, square)
	near(t, []float64{math.NaN()}, get(float32s, w.loss), 0, 0)
	w.backward(w.normal(float32s, 12, 0, 1))
	near(t, []float64{math.NaN()}, get(float32s, w.da)[11:], 0, 0)
}
