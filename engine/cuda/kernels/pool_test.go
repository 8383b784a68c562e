package kernels_test

import (
	"fmt"
	"testing"

	"twinview/engine/cuda/kernels"
	"twinview/model"
)

func TestAveragePool(t *testing.T) {
	shapes := []struct{ batch, height, width, channels int }{
		{1, 7, 7, 64}, {3, 7, 7, 33}, {5, 4, 4, 512}, {3, 1, 2, 5}, {2, 3, 5, 96}, {700, 1, 6, 8},
	}
	for _, e := range elements {
		for _, s := range shapes {
			t.Run(fmt.Sprintf("%s/%v", e.name, s), func(t *testing.T) {
				d := newDevice(t)
				pixels := s.height * s.width
				of := []any{int64(s.batch), int64(pixels), int64(s.channels)}
				x, y := d.normal(e, s.batch*pixels*s.channels, 1, 1), d.empty(float32s, s.batch*s.channels)
				launch := kernels.Elementwise(s.batch * s.channels)
				d.run(func() { d.launch("average_pool_"+e.name, launch, append(of, x, y)...) }, y)
				input := array{[]int{s.batch, s.height, s.width, s.channels}, get(e, x)}
				near(t, d.reference(model.GlobalAvgPool{}, input), get(float32s, y), 1e-6, 1e-6)

				dy, dx := d.normal(float32s, s.batch*s.channels, 0, 1), d.empty(e, s.batch*pixels*s.channels)
				launch = kernels.Elementwise(s.batch * pixels * s.channels)
				d.run(func() { d.launch("average_pool_grad_"+e.name, launch, append(of, dy, dx)...) }, dx)
				op := model.GlobalAvgPoolGrad{Height: s.height, Width: s.width}
				near(t, d.reference(op, matrix(s.batch, dy)), get(e, dx), 2*e.rounding, 0)
			})
		}
	}
}
