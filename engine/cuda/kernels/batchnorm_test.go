package kernels_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
	"twinview/model"
)

const epsilon = 1e-5

// norm is one batch norm with random input.
type norm struct {
	*device
	e              element
	rows, channels int
	slabs          int // 0: as many as the launch has
	x, dy          *host.Memory
	weight, bias   *host.Memory
	stats          *host.Memory
	scratch        *host.Memory
}

// eachNorm tries whole and broken groups of channels, one image and several, more rows than one slab has, and as many slabs as large
// batches have.
func eachNorm(t *testing.T, test func(n norm)) {
	shapes := []struct{ rows, channels, slabs int }{
		{7 * 7, 64, 0}, {3 * 7 * 7, 33, 0}, {2, 1, 0}, {3, 512, 0}, {3 * 9 * 11, 40, 0}, {5000, 24, 0}, {70, 300, 0}, {700, 6, 200},
	}
	for _, e := range elements {
		for _, s := range shapes {
			t.Run(fmt.Sprintf("%s/%dx%d", e.name, s.rows, s.channels), func(t *testing.T) {
				d := newDevice(t)
				n := norm{device: d, e: e, rows: s.rows, channels: s.channels, slabs: s.slabs}
				n.x, n.dy = d.normal(e, s.rows*s.channels, 0.5, 2), d.normal(e, s.rows*s.channels, 0, 1)
				n.weight, n.bias = d.normal(float32s, s.channels, 1, 0.2), d.normal(float32s, s.channels, 0, 0.3)
				n.scratch = d.bytes(n.sums().Parts() * 2 * s.channels * 8)
				n.stats = d.empty(float32s, 2*s.channels)
				n.measure(nil, nil)
				test(n)
			})
		}
	}
}

func (n norm) sums() kernels.Launch {
	launch := kernels.BatchNormSums(n.rows, n.channels, n.e.size)
	if n.slabs > 0 {
		launch.Grid[1] = n.slabs
	}
	return launch
}

func (n norm) totals() kernels.Launch { return kernels.BatchNormTotal(n.channels) }
func (n norm) apply() kernels.Launch  { return kernels.BatchNormApply(n.rows, n.channels, n.e.size) }

func (n norm) activation() *host.Memory { return n.empty(n.e, n.rows*n.channels) }

// of sees an activation as the reference wants it.
func (n norm) of(m *host.Memory) array { return array{[]int{n.rows, n.channels}, get(n.e, m)} }

func (n norm) statistics() array { return matrix(2, n.stats) }

func (n norm) measure(mean, variance *host.Memory) {
	n.t.Helper()
	rows, channels := int64(n.rows), int64(n.channels)
	n.launch("batch_stats_"+n.e.name, n.sums(), rows, channels, n.x, n.scratch)
	n.launch("batch_stats_total_"+n.e.name, n.totals(), rows, channels, int64(n.sums().Parts()), n.x, n.scratch, n.stats,
		mean, variance)
}

func (n norm) forward(residual, y *host.Memory, relu int32) {
	n.t.Helper()
	n.launch("batch_norm_"+n.e.name, n.apply(), int64(n.rows), int64(n.channels), float32(epsilon), n.x, n.stats,
		n.weight, n.bias, residual, relu, y)
}

func (n norm) affineTotal(grad *host.Memory) {
	n.t.Helper()
	n.launch("batch_norm_affine_grad_total", n.totals(), int64(n.channels), int64(n.sums().Parts()), float32(epsilon),
		n.stats, n.scratch, grad)
}

func TestBatchStats(t *testing.T) {
	eachNorm(t, func(n norm) {
		n.run(func() { n.measure(nil, nil) }, n.scratch, n.stats)
		near(n.t, n.reference(model.BatchStats{}, n.of(n.x)), get(float32s, n.stats), 1e-5, 1e-6)
	})
}

func TestRunningStatistics(t *testing.T) {
	eachNorm(t, func(n norm) {
		mean, variance := n.normal(float32s, n.channels, 0, 1), n.normal(float32s, n.channels, 2, 0.1)
		wantMean, wantVariance := get(float32s, mean), get(float32s, variance)
		stats := n.reference(model.BatchStats{}, n.of(n.x))
		for c := range n.channels {
			wantMean[c] = 0.9*wantMean[c] + 0.1*stats[c]
			wantVariance[c] = 0.9*wantVariance[c] + 0.1*stats[n.channels+c]*float64(n.rows)/float64(n.rows-1)
		}
		n.measure(mean, variance)
		near(n.t, wantMean, get(float32s, mean), 1e-5, 1e-6)
		near(n.t, wantVariance, get(float32s, variance), 1e-5, 1e-6)
	})
}

// The variance of channels far from 0 must not drown in their squares.
func TestBatchStatsFarFromZero(t *testing.T) {
	d := newDevice(t)
	n := norm{device: d, e: float32s, rows: 3000, channels: 8}
	n.x, n.stats = d.normal(n.e, n.rows*n.channels, 1000, 0.01), d.empty(float32s, 2*n.channels)
	n.scratch = d.bytes(kernels.BatchNormScratch(n.rows, n.channels, n.e.size))
	n.measure(nil, nil)
	near(t, d.reference(model.BatchStats{}, n.of(n.x)), get(float32s, n.stats), 1e-4, 0)
}

// Statistics of tiles join to those of all rows, of more tiles than a block has lanes too, and with a last one that is not full.
func TestBatchStatsOfTiles(t *testing.T) {
	for _, s := range []struct{ rows, channels, tile int }{{1, 3, 64}, {64, 8, 64}, {70, 40, 64}, {12001, 9, 16}} {
		t.Run(fmt.Sprintf("%dx%d/%d", s.rows, s.channels, s.tile), func(t *testing.T) {
			d := newDevice(t)
			x := matrix(s.rows, d.normal(float32s, s.rows*s.channels, 1000, 0.1))
			var parts []float32
			for first := 0; first < s.rows; first += s.tile {
				tile := array{[]int{min(s.tile, s.rows-first), s.channels}, x.values[first*s.channels : min(first+s.tile, s.rows)*s.channels]}
				for at, v := range d.reference(model.BatchStats{}, tile) {
					if at >= s.channels { // the variance
						v *= float64(tile.shape[0])
					}
					parts = append(parts, float32(v))
				}
			}
			tiles, stats := d.put(float32s, parts...), d.empty(float32s, 2*s.channels)
			d.run(func() {
				d.launch("batch_stats_of_tiles", kernels.BatchStatsOfTiles(s.channels),
					int64(s.rows), int64(s.channels), int64(s.tile), tiles, stats)
			}, stats)
			want := d.reference(model.BatchStats{}, x)
			near(t, want[:s.channels], get(float32s, stats)[:s.channels], 1e-6, 0)
			near(t, want[s.channels:], get(float32s, stats)[s.channels:], 1e-3, 1e-7)
		})
	}
}

func TestBatchNorm(t *testing.T) {
	eachNorm(t, func(n norm) {
		y, z, residual := n.activation(), n.activation(), n.normal(n.e, n.rows*n.channels, 0, 1)
		want := n.reference(model.BatchNorm{Epsilon: epsilon}, n.of(n.x), n.statistics(), vector(float32s, n.weight),
			vector(float32s, n.bias))
		n.run(func() { n.forward(nil, y, 0) }, y)
		near(n.t, want, get(n.e, y), n.e.rounding, 1e-5)

		for i, v := range get(n.e, residual) {
			want[i] = max(0, want[i]+v)
		}
		n.run(func() { n.forward(residual, z, 1) }, z)
		near(n.t, want, get(n.e, z), n.e.rounding, 1e-5)
	})
}

func TestBatchNormGrad(t *testing.T) {
	eachNorm(t, func(n norm) {
		n.backward(nil, nil, n.of(n.dy))
	})
}

// Behind a ReLU the gradient is that of what the ReLU let through, found from x again.
func TestBatchNormReLUGrad(t *testing.T) {
	eachNorm(t, func(n norm) {
		y := n.activation()
		n.forward(nil, y, 1)
		masked := n.reference(model.ReLUGrad{}, n.of(y), n.of(n.dy))
		n.backward(n.weight, n.bias, array{[]int{n.rows, n.channels}, masked})
	})
}

// backward compares both gradients with those that the model's ops make of dy.
func (n norm) backward(weight, bias *host.Memory, dy array) {
	n.t.Helper()
	rows, channels := int64(n.rows), int64(n.channels)
	grad, dx := n.empty(float32s, 2*n.channels), n.activation()
	n.run(func() {
		n.launch("batch_norm_affine_grad_"+n.e.name, n.sums(), rows, channels, float32(epsilon), n.x, n.stats, weight, bias,
			n.dy, n.scratch)
		n.affineTotal(grad)
		n.launch("batch_norm_input_grad_"+n.e.name, n.apply(), rows, channels, float32(epsilon), n.x, n.stats, n.weight, bias,
			n.dy, grad, dx)
	}, n.scratch, grad, dx)
	n.compare(grad, dx, dy)
}

func (n norm) compare(grad, dx *host.Memory, dy array) {
	n.t.Helper()
	want := n.reference(model.BatchNormAffineGrad{Epsilon: epsilon}, n.of(n.x), n.statistics(), dy)
	near(n.t, want, get(float32s, grad), 1e-5, 1e-4)
	want = n.reference(model.BatchNormInputGrad{Epsilon: epsilon}, n.of(n.x), n.statistics(), vector(float32s, n.weight), dy,
		matrix(2, grad))
	near(n.t, want, get(n.e, dx), n.e.rounding, 1e-5)
}

func TestReLUBatchNormGrad(t *testing.T) {
	eachNorm(t, func(n norm) {
		rows, channels := int64(n.rows), int64(n.channels)
		y, residual := n.activation(), n.normal(n.e, n.rows*n.channels, 0, 1)
		n.forward(residual, y, 1)
		grad, masked, dx := n.empty(float32s, 2*n.channels), n.activation(), n.activation()
		n.run(func() {
			n.launch("relu_batch_norm_affine_grad_"+n.e.name, n.sums(), rows, channels, n.x, n.stats, y, n.dy, masked,
				n.scratch)
			n.affineTotal(grad)
			n.launch("batch_norm_input_grad_"+n.e.name, n.apply(), rows, channels, float32(epsilon), n.x, n.stats, n.weight,
				(*host.Memory)(nil), masked, grad, dx)
		}, n.scratch, grad, masked, dx)
		want := n.reference(model.ReLUGrad{}, n.of(y), n.of(n.dy))
		near(n.t, want, get(n.e, masked), 0, 0)
		n.compare(grad, dx, array{[]int{n.rows, n.channels}, want})
	})
}

// A grid narrower than the channels goes over them in turns, with the same bits.
func TestBatchNormOnANarrowGrid(t *testing.T) {
	eachNorm(t, func(n norm) {
		want := slices.Clone(n.scratch.Bytes())
		narrow := n.sums()
		narrow.Grid[0] = 1
		n.run(func() {
			n.launch("batch_stats_"+n.e.name, narrow, int64(n.rows), int64(n.channels), n.x, n.scratch)
		}, n.scratch)
		require.Equal(n.t, want, n.scratch.Bytes())
	})
}
