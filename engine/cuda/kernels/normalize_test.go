package kernels_test

import (
	"fmt"
	"testing"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
	"twinview/model"
)

// table is a matrix with a gradient, for kernels of rows and columns.
type table struct {
	*device
	rows, width int
	x, dy       *host.Memory
}

func eachTable(t *testing.T, test func(m table)) {
	for _, s := range [][2]int{{1, 128}, {3, 33}, {70, 5}, {33, 70}, {2, 1}, {301, 40}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			d := newDevice(t)
			n := s[0] * s[1]
			m := table{device: d, rows: s[0], width: s[1], x: d.normal(float32s, n, 1, 2), dy: d.normal(float32s, n, 0, 1)}
			test(m)
		})
	}
}

// like launches a kernel of (rows, width, x[, y, dy], its result).
func (m table) like(kernel string, launch kernels.Launch, inputs ...*host.Memory) *host.Memory {
	m.t.Helper()
	out := m.empty(float32s, m.rows*m.width)
	arguments := []any{int64(m.rows), int64(m.width)}
	for _, in := range append(inputs, out) {
		arguments = append(arguments, in)
	}
	m.run(func() { m.launch(kernel, launch, arguments...) }, out)
	return out
}

func (m table) of(x *host.Memory) array { return matrix(m.rows, x) }

func TestL2Normalize(t *testing.T) {
	eachTable(t, func(m table) {
		clear(m.x.Float32s()[:m.width]) // below the floor
		y := m.like("l2_normalize", kernels.Rows(m.rows), m.x)
		near(m.t, m.reference(model.L2Normalize{}, m.of(m.x)), get(float32s, y), 1e-6, 0)
		dx := m.like("l2_normalize_grad", kernels.Rows(m.rows), m.x, y, m.dy)
		near(m.t, m.reference(model.L2NormalizeGrad{}, m.of(m.x), m.of(y), m.of(m.dy)), get(float32s, dx), 1e-6, 1e-7)
	})
}

func TestStandardize(t *testing.T) {
	eachTable(t, func(m table) {
		if m.rows < 2 {
			return // a column of one value has no deviation
		}
		for r := range m.rows { // below the floor
			m.x.Float32s()[r*m.width] = 0
		}
		y := m.like("standardize", kernels.Columns(m.width), m.x)
		near(m.t, m.reference(model.Standardize{}, m.of(m.x)), get(float32s, y), 1e-6, 1e-7)
		dx := m.like("standardize_grad", kernels.Columns(m.width), m.x, y, m.dy)
		want := m.reference(model.StandardizeGrad{}, m.of(m.x), m.of(y), m.of(m.dy))
		near(m.t, want, get(float32s, dx), 1e-6, 1e-6)
	})
}

func TestColumnSum(t *testing.T) {
	eachTable(t, func(m table) {
		sum := m.empty(float32s, m.width)
		m.run(func() { m.launch("column_sum", kernels.Columns(m.width), int64(m.rows), int64(m.width), m.x, sum) }, sum)
		near(m.t, m.reference(model.ColumnSum{}, m.of(m.x)), get(float32s, sum), 1e-6, 1e-7)
	})
}
