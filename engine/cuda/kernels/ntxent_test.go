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

// contrast is NT-Xent of random rows of unit length.
type contrast struct {
	*device
	views, images, dim int
	temperature        float64
	z, loss, dz        *host.Memory
	softmax, losses    *host.Memory
	parts, gradParts   *host.Memory
	dloss              *host.Memory
}

func newContrast(t *testing.T, views, images, dim int, temperature float64) contrast {
	d := newDevice(t)
	x, z := d.normal(float32s, views*dim, 0.2, 1), d.empty(float32s, views*dim)
	d.launch("l2_normalize", kernels.Rows(views), int64(views), int64(dim), x, z)
	return contrast{
		device: d, views: views, images: images, dim: dim, temperature: temperature, z: z,
		loss: d.empty(float32s, 1), dz: d.empty(float32s, views*dim),
		softmax: d.empty(float32s, 2*views), losses: d.bytes(8 * views),
		parts:     d.empty(float32s, kernels.NTXent(views).Parts()*2*views),
		gradParts: d.empty(float32s, kernels.NTXentGrad(views, dim).Parts()*views*dim),
		dloss:     d.put(float32s, 0.7),
	}
}

func (c contrast) forward() {
	c.t.Helper()
	views, dim, launch := int64(c.views), int64(c.dim), kernels.NTXent(c.views)
	c.launch("ntxent_rows", launch, views, dim, float32(c.temperature), c.z, c.parts)
	c.launch("ntxent_total", kernels.Rows(c.views), views, int64(c.images), dim, int64(launch.Parts()), float32(c.temperature),
		c.z, c.parts, c.softmax, c.losses)
	c.launch("mean", kernels.Single(), views, c.losses, c.loss)
}

func (c contrast) backward() {
	c.t.Helper()
	n, launch := c.views*c.dim, kernels.NTXentGrad(c.views, c.dim)
	c.launch("ntxent_grad", launch, int64(c.views), int64(c.images), int64(c.dim), float32(c.temperature), c.z, c.softmax,
		c.dloss, c.gradParts)
	c.launch("add_parts", kernels.Elementwise(n), int64(n), int64(launch.Parts()), c.gradParts, c.dz)
}

func TestNTXent(t *testing.T) {
	shapes := []struct {
		images, views, dim int
		temperature        float64
	}{{2, 2, 4, 0.5}, {3, 2, 33, 0.5}, {33, 2, 128, 0.07}, {100, 2, 70, 0.01}, {21, 4, 16, 0.2}, {64, 3, 64, 1}}
	for _, s := range shapes {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			c := newContrast(t, s.images*s.views, s.images, s.dim, s.temperature)
			op := model.NTXent{Temperature: s.temperature, Views: s.views}
			c.run(c.forward, c.parts, c.softmax, c.losses, c.loss)
			near(t, c.reference(op, matrix(c.views, c.z)), get(float32s, c.loss), 2e-6, 0)

			c.run(c.backward, c.gradParts, c.dz)
			grad := model.NTXentGrad{Temperature: s.temperature, Views: s.views}
			want := c.reference(grad, matrix(c.views, c.z), array{nil, get(float32s, c.dloss)})
			near(t, want, get(float32s, c.dz), 1e-5, 1e-6*largest(want)/s.temperature)
		})
	}
}

// No temperature is too low: the greatest similarity is taken out of every exponential.
func TestNTXentDoesNotOverflow(t *testing.T) {
	c := newContrast(t, 130, 65, 32, 1e-3)
	c.forward()
	c.backward()
	want := c.reference(model.NTXent{Temperature: 1e-3, Views: 2}, matrix(c.views, c.z))
	near(t, want, get(float32s, c.loss), 1e-5, 0)
	for _, v := range get(float32s, c.dz) {
		require.False(t, math.IsNaN(v) || math.IsInf(v, 0))
	}
}

func TestNTXentKeepsNaN(t *testing.T) {
	c := newContrast(t, 130, 65, 32, 0.5)
	c.z.Float32s()[77*32+5] = float32(math.NaN())
	c.forward()
	c.backward()
	require.True(t, math.IsNaN(get(float32s, c.loss)[0]))
	for _, v := range get(float32s, c.dz) {
		require.True(t, math.IsNaN(v))
	}
}

func largest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		most = max(most, math.Abs(v))
	}
	return most
}
