package cpu

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/lowering"
)

// winogradShape is that of a 3×3 convolution of stride 1 and pad 1.
type winogradShape struct{ batch, height, width, in, out int }

func (s winogradShape) shape() lowering.ConvolutionShape {
	return shape(s.batch, s.height, s.width, s.in, s.out, 3, 1, 1)
}

func (s winogradShape) convolution(d lowering.Direction, p Precision, tile int) convolution {
	return convolution{
		Direction: d, Precision: p, Algorithm: string(map[int]algorithm{0: oneDNN, 2: winograd2, 4: winograd4}[tile]),
		Shape: s.shape(),
	}
}

// forEachWinograd runs a test for each direction, precision and tile.
func forEachWinograd(t *testing.T, test func(t *testing.T, d lowering.Direction, p Precision, tile int)) {
	for _, d := range directions {
		for _, p := range []Precision{Float32, BFloat16} {
			for _, tile := range []int{2, 4} {
				t.Run(fmt.Sprintf("%v/%v/F%d", d, p, tile), func(t *testing.T) {
					needWinograd(t, p)
					test(t, d, p, tile)
				})
			}
		}
	}
}

func needWinograd(t testing.TB, p Precision) {
	if !ownSupports(p) {
		t.Skipf("this CPU has no AVX-512 for %v", p)
	}
}

// onWinograd makes a convolution and does something with it, on the compute thread.
func onWinograd(
	t testing.TB, threads int, d lowering.Direction, p Precision, tile int, s winogradShape, do func(k kernel) error,
) {
	t.Helper()
	onKernel(t, threads, s.convolution(d, p, tile), do)
}

// winogradShapes have edges that tiles, groups of 32 channels, slices of 64 and blocks of tiles don't divide.
var winogradShapes = []winogradShape{
	{2, 8, 8, 64, 64}, {1, 7, 7, 8, 24}, {3, 9, 9, 37, 40}, {3, 1, 1, 96, 32}, {1, 5, 6, 40, 96}, {2, 8, 8, 32, 37},
	{1, 4, 4, 130, 160}, {1, 16, 16, 3, 3}, {17, 8, 8, 32, 32}, {3, 2, 13, 17, 9}, {1, 4, 4, 512, 16},
}

// TestWinograd: what F(4×4) loses in bfloat16 is the rounding of the transformed tensors, magnified by the way back.
func TestWinograd(t *testing.T) {
	bounds := map[Precision]map[int]float64{Float32: {2: 1e-6, 4: 3e-6}, BFloat16: {2: 6e-3, 4: 1.6e-2}}
	forEachWinograd(t, func(t *testing.T, d lowering.Direction, p Precision, tile int) {
		worst := 0.0
		for _, s := range winogradShapes {
			v := newTensors(p, s.shape())
			want := convolve(d, s.shape(), v.x.values(), v.weightValues(), v.y.values())
			onWinograd(t, 2, d, p, tile, s, func(k kernel) error { return v.run(k, false) })
			e := relativeError(v.written(d), want)
			require.LessOrEqual(t, e, bounds[p][tile], "%+v", s) // NaN is not
			worst = max(worst, e)
		}
		t.Logf("largest relative error %.1e", worst)
	})
}

func TestWinogradAccumulates(t *testing.T) {
	forEachWinograd(t, func(t *testing.T, d lowering.Direction, p Precision, tile int) {
		if d != lowering.InputGradient {
			t.Skip("nothing to accumulate")
		}
		for _, s := range winogradShapes {
			v := newTensors(p, s.shape())
			before, want := v.x.values(), convolve(d, s.shape(), v.x.values(), v.weightValues(), v.y.values())
			for i, b := range before {
				want[i] += b
			}
			onWinograd(t, 2, d, p, tile, s, func(k kernel) error { return v.run(k, true) })
			require.LessOrEqual(t, relativeError(v.written(d), want), 1.6e-2, "%+v", s)
		}
	})
}

// TestWinogradRepeats compares bits of two runs, and of forward and input gradient also with one thread: only the weight
// gradient's sums depend on how many there are.
func TestWinogradRepeats(t *testing.T) {
	forEachWinograd(t, func(t *testing.T, d lowering.Direction, p Precision, tile int) {
		for _, s := range []winogradShape{{9, 10, 10, 40, 72}, {2, 4, 4, 512, 32}} {
			run := func(threads int) []float64 {
				v := newTensors(p, s.shape())
				onWinograd(t, threads, d, p, tile, s, func(k kernel) error {
					if err := v.run(k, false); err != nil {
						return err
					}
					return v.run(k, false) // work memory is no longer zero
				})
				return v.written(d)
			}
			first := run(2)
			require.Equal(t, first, run(2))
			if d != lowering.WeightGradient {
				require.Equal(t, first, run(1))
			}
		}
	})
}

func TestWinogradKeepsNaN(t *testing.T) {
	forEachWinograd(t, func(t *testing.T, d lowering.Direction, p Precision, tile int) {
		s := winogradShape{1, 8, 8, 32, 32}
		v := newTensors(p, s.shape())
		x, y := v.x.values(), v.y.values()
		x[100], y[100] = math.NaN(), math.NaN()
		v.x.set(x)
		v.y.set(y)
		onWinograd(t, 2, d, p, tile, s, func(k kernel) error { return v.run(k, false) })
		nan := false
		for _, value := range v.written(d) {
			nan = nan || math.IsNaN(value)
		}
		require.True(t, nan)
	})
}

func TestWinogradRejects(t *testing.T) {
	s := winogradShape{1, 4, 4, 8, 8}
	reject := func(p Precision, tile int, s winogradShape) error {
		return compute(1, func() error {
			_, err := newOwn(s.convolution(lowering.Forward, p, tile))
			return err
		})
	}
	for _, p := range []Precision{Float32, BFloat16} {
		if !ownSupports(p) {
			require.ErrorContains(t, reject(p, 2, s), "AVX-512")
			continue
		}
		require.ErrorContains(t, reject(p, 3, s), "neither 2 nor 4")
		require.ErrorContains(t, reject(p, 2, winogradShape{1, 4, 4, 0, 8}), "empty")
	}
	needWinograd(t, Float32)
	var w *own
	require.NoError(t, compute(1, func() (err error) {
		w, err = newOwn(s.convolution(lowering.Forward, Float32, 2))
		return err
	}))
	defer w.free()
	v := newTensors(Float32, s.shape())
	err := compute(2, func() error { return v.run(w, false) })
	if runtime.GOOS != "linux" && err == nil {
		return // a build without OpenMP runs on one thread, whatever it is told
	}
	require.ErrorContains(t, err, "made for 1")
}

// BenchmarkWinograd is a convolution of each stage of the network, beside oneDNN's direct one as F0, in operations of the
// direct algorithm per second.
func BenchmarkWinograd(b *testing.B) {
	for _, s := range []winogradShape{
		{256, 32, 32, 64, 64}, {256, 16, 16, 128, 128}, {256, 8, 8, 256, 256}, {256, 4, 4, 512, 512}, {256, 32, 32, 32, 32},
	} {
		for _, d := range directions {
			layer := fmt.Sprintf("%dch/%v", s.out, d)
			for _, p := range []Precision{Float32, BFloat16} {
				v := newTensors(p, s.shape())
				for _, tile := range []int{0, 2, 4} {
					b.Run(fmt.Sprintf("%s/%v/F%d", layer, p, tile), func(b *testing.B) {
						needWinograd(b, p)
						benchmarkKernel(b, s.convolution(d, p, tile), v)
					})
				}
			}
		}
	}
}
