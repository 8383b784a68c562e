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

// classified are logits with labels.
type classified struct {
	*device
	rows, classes                int
	logits, labels, losses, loss *host.Memory
	dloss, dlogits, wrong        *host.Memory
}

func newClassified(t *testing.T, rows, classes int, deviation float64) classified {
	d := newDevice(t)
	labels := make([]float32, rows)
	for i := range labels {
		labels[i] = float32(d.random.IntN(classes))
	}
	wrong := d.bytes(4)
	wrong.Int32s()[0] = math.MaxInt32
	return classified{
		device: d, rows: rows, classes: classes, wrong: wrong,
		logits: d.normal(float32s, rows*classes, 0, deviation), labels: d.put(float32s, labels...),
		losses: d.bytes(8 * rows), loss: d.empty(float32s, 1),
		dloss: d.put(float32s, 0.7), dlogits: d.empty(float32s, rows*classes),
	}
}

func (c classified) forward() {
	c.t.Helper()
	c.launch("cross_entropy_rows", kernels.Rows(c.rows), int64(c.rows), int64(c.classes), c.logits, c.labels, c.losses, c.wrong)
	c.launch("mean", kernels.Single(), int64(c.rows), c.losses, c.loss)
}

func (c classified) backward() {
	c.t.Helper()
	c.launch("cross_entropy_grad", kernels.Rows(c.rows), int64(c.rows), int64(c.classes), c.logits, c.labels, c.dloss,
		c.dlogits, c.wrong)
}

func TestCrossEntropy(t *testing.T) {
	for _, s := range [][2]int{{1, 10}, {3, 2}, {70, 100}, {9, 33}} {
		for _, deviation := range []float64{1, 300} {
			t.Run(fmt.Sprint(s, deviation), func(t *testing.T) {
				c := newClassified(t, s[0], s[1], deviation)
				c.run(c.forward, c.losses, c.loss)
				logits, labels := matrix(c.rows, c.logits), vector(float32s, c.labels)
				near(t, c.reference(model.SoftmaxCrossEntropy{}, logits, labels), get(float32s, c.loss), 1e-6, 1e-7)
				c.run(c.backward, c.dlogits)
				dloss := array{nil, get(float32s, c.dloss)}
				want := c.reference(model.SoftmaxCrossEntropyGrad{}, logits, labels, dloss)
				near(t, want, get(float32s, c.dlogits), 1e-6, 1e-9)
				require.Equal(t, int32(math.MaxInt32), c.wrong.Int32s()[0])
			})
		}
	}
}

func TestCrossEntropyOfWrongLabels(t *testing.T) {
	for _, wrong := range []float32{-1, 10, 2.5, float32(math.NaN())} {
		c := newClassified(t, 7, 10, 1)
		c.labels.Float32s()[3], c.labels.Float32s()[5] = wrong, wrong
		c.forward()
		c.backward()
		require.Equal(t, int32(3), c.wrong.Int32s()[0])
		require.True(t, math.IsNaN(get(float32s, c.loss)[0]))
		for i, v := range get(float32s, c.dlogits) {
			require.Equal(t, i/10 == 3 || i/10 == 5, math.IsNaN(v))
		}
	}
}

func TestCrossEntropyKeepsNaN(t *testing.T) {
	c := newClassified(t, 3, 10, 1)
	c.logits.Float32s()[13] = float32(math.NaN())
	c.forward()
	c.backward()
	require.True(t, math.IsNaN(get(float32s, c.loss)[0]))
	for i, v := range get(float32s, c.dlogits) {
		require.Equal(t, i/10 == 1, math.IsNaN(v))
	}
}
