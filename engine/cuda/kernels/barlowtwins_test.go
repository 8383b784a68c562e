package kernels_test

import (
	"fmt"
	"testing"

	"twinview/engine/cuda/kernels"
	"twinview/model"
)

func TestRedundancyReduction(t *testing.T) {
	for _, width := range []int{1, 7, 33, 130} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			d := newDevice(t)
			const lambda = 0.0051
			c, losses, loss := d.normal(float32s, width*width, 0.1, 0.4), d.bytes(8*width), d.empty(float32s, 1)
			d.run(func() {
				d.launch("redundancy_reduction_rows", kernels.Rows(width), int64(width), lambda, c, losses)
				d.launch("sum", kernels.Single(), int64(width), losses, loss)
			}, losses, loss)
			near(t, d.reference(model.RedundancyReduction{Lambda: lambda}, matrix(width, c)), get(float32s, loss), 1e-6, 0)

			dloss, dc := d.put(float32s, 0.7), d.empty(float32s, width*width)
			d.run(func() {
				d.launch("redundancy_reduction_grad", kernels.Rows(width), int64(width), lambda, c, dloss, dc)
			}, dc)
			op := model.RedundancyReductionGrad{Lambda: lambda}
			near(t, d.reference(op, matrix(width, c), array{nil, get(float32s, dloss)}), get(float32s, dc), 1e-6, 0)
		})
	}
}
