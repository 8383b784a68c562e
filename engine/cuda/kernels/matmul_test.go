package kernels_test

import (
	"fmt"
	"testing"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
	"twinview/model"
)

func TestMatMul(t *testing.T) {
	shapes := []struct{ m, n, k int }{{1, 1, 1}, {3, 10, 33}, {65, 64, 16}, {100, 70, 130}}
	for _, e := range elements {
		for _, s := range shapes {
			for transposed := range 4 {
				op := model.MatMul{TransA: transposed&1 != 0, TransB: transposed&2 != 0}
				t.Run(fmt.Sprintf("%s/%v/%v", e.name, s, op), func(t *testing.T) {
					d := newDevice(t)
					a, b := d.normal(e, s.m*s.k, 0, 1), d.normal(e, s.k*s.n, 0, 1)
					bias, c := d.normal(float32s, s.n, 0, 1), d.empty(float32s, s.m*s.n)
					multiply := func(bias *host.Memory) {
						d.launch("matmul_"+e.name, kernels.MatMul(s.m, s.n), flag(op.TransA), flag(op.TransB), int64(s.m),
							int64(s.n), int64(s.k), a, b, bias, c)
					}
					want := d.reference(op, oriented(e, a, s.m, s.k, op.TransA), oriented(e, b, s.k, s.n, op.TransB))
					d.run(func() { multiply(nil) }, c)
					near(t, want, get(float32s, c), 1e-5, 1e-5)

					want = d.reference(model.AddBias{}, array{[]int{s.m, s.n}, want}, vector(float32s, bias))
					d.run(func() { multiply(bias) }, c)
					near(t, want, get(float32s, c), 1e-5, 1e-5)
				})
			}
		}
	}
}

func oriented(e element, m *host.Memory, rows, columns int, transposed bool) array {
	if transposed {
		rows, columns = columns, rows
	}
	return array{[]int{rows, columns}, get(e, m)}
}

func flag(set bool) int32 {
	if set {
		return 1
	}
	return 0
}
