package cpu

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/lowering"
)

// directShapes have channels that groups of 32 and slices of 64 don't divide, pixels that the stride and the blocks of
// pixels don't, and taps that reach nothing but padding.
var directShapes = []lowering.ConvolutionShape{
	shape(2, 8, 8, 64, 128, 3, 2, 1), shape(1, 7, 7, 8, 24, 3, 2, 1), shape(3, 9, 9, 37, 40, 3, 2, 1), shape(3, 5, 6, 40, 96, 3, 2, 1),
	shape(1, 1, 1, 96, 32, 3, 2, 1), shape(3, 24, 24, 24, 130, 3, 2, 1), shape(1, 4, 4, 130, 37, 3, 2, 1),
	shape(2, 8, 8, 64, 128, 1, 2, 0), shape(3, 7, 9, 24, 40, 1, 2, 0), shape(1, 5, 6, 37, 130, 1, 2, 0), shape(1, 1, 1, 8, 8, 1, 2, 0),
	shape(3, 32, 32, 3, 64, 3, 1, 1), shape(1, 7, 7, 3, 37, 3, 1, 1), shape(1, 5, 6, 1, 8, 5, 1, 2), shape(2, 9, 9, 3, 24, 3, 2, 1),
	shape(1, 1, 1, 3, 8, 3, 1, 1), shape(1, 9, 9, 8, 24, 3, 1, 1), shape(1, 9, 9, 40, 24, 3, 3, 0), shape(1, 12, 11, 8, 8, 7, 2, 3),
	shape(2, 6, 6, 40, 72, 1, 1, 0),
}

// forEachDirect runs a test for each direction and precision.
func forEachDirect(t *testing.T, test func(t *testing.T, c convolution)) {
	for _, d := range directions {
		for _, p := range []Precision{Float32, BFloat16} {
			t.Run(fmt.Sprintf("%v/%v", d, p), func(t *testing.T) {
				if !ownSupports(p) {
					t.Skipf("this CPU has no AVX-512 for %v", p)
				}
				test(t, convolution{Direction: d, Precision: p, Algorithm: string(direct)})
			})
		}
	}
}

func TestDirect(t *testing.T) {
	bounds := map[Precision]float64{Float32: 1e-6, BFloat16: 3.5e-3}
	forEachDirect(t, func(t *testing.T, c convolution) {
		worst, computed := 0.0, 0
		for _, c.Shape = range directShapes {
			if !directSupports(c) {
				continue
			}
			v := newTensors(c.Precision, c.Shape)
			want := convolve(c.Direction, c.Shape, v.x.values(), v.weightValues(), v.y.values())
			onKernel(t, 2, c, func(k kernel) error { return v.run(k, false) })
			e := relativeError(v.written(c.Direction), want)
			require.LessOrEqual(t, e, bounds[c.Precision], "%+v", c.Shape) // NaN is not
			worst = max(worst, e)
			computed++
		}
		require.GreaterOrEqual(t, computed, len(directShapes)-4) // bfloat16 needs an even number of channels
		t.Logf("largest relative error %.1e", worst)
	})
}

func TestDirectAccumulates(t *testing.T) {
	forEachDirect(t, func(t *testing.T, c convolution) {
		if c.Direction != lowering.InputGradient {
			t.Skip("nothing to accumulate")
		}
		for _, c.Shape = range directShapes {
			if !directSupports(c) {
				continue
			}
			v := newTensors(c.Precision, c.Shape)
			before, want := v.x.values(), convolve(c.Direction, c.Shape, v.x.values(), v.weightValues(), v.y.values())
			for i, b := range before {
				want[i] += b
			}
			onKernel(t, 2, c, func(k kernel) error { return v.run(k, true) })
			require.LessOrEqual(t, relativeError(v.written(c.Direction), want), 3.5e-3, "%+v", c.Shape)
		}
	})
}

// TestDirectRepeats compares bits of two runs, and of forward and input gradient also with one thread: only the weight
// gradient's sums depend on how many there are.
func TestDirectRepeats(t *testing.T) {
	forEachDirect(t, func(t *testing.T, c convolution) {
		for _, c.Shape = range []lowering.ConvolutionShape{
			shape(9, 22, 22, 40, 72, 3, 2, 1), shape(9, 22, 22, 40, 72, 1, 2, 0), shape(9, 10, 10, 3, 64, 3, 1, 1),
		} {
			if !directSupports(c) {
				continue
			}
			run := func(threads int) []float64 {
				v := newTensors(c.Precision, c.Shape)
				onKernel(t, threads, c, func(k kernel) error {
					if err := v.run(k, false); err != nil {
						return err
					}
					return v.run(k, false) // work memory is no longer zero
				})
				return v.written(c.Direction)
			}
			first := run(2)
			require.Equal(t, first, run(2))
			if c.Direction != lowering.WeightGradient {
				require.Equal(t, first, run(1))
			}
		}
	})
}

func TestDirectKeepsNaN(t *testing.T) {
	forEachDirect(t, func(t *testing.T, c convolution) {
		for _, c.Shape = range []lowering.ConvolutionShape{shape(1, 8, 8, 32, 32, 3, 2, 1), shape(1, 8, 8, 3, 32, 3, 1, 1)} {
			if !directSupports(c) {
				continue
			}
			v := newTensors(c.Precision, c.Shape)
			x, y := v.x.values(), v.y.values()
			x[100], y[100] = math.NaN(), math.NaN()
			v.x.set(x)
			v.y.set(y)
			onKernel(t, 2, c, func(k kernel) error { return v.run(k, false) })
			nan := false
			for _, value := range v.written(c.Direction) {
				nan = nan || math.IsNaN(value)
			}
			require.True(t, nan)
		}
	})
}

func TestDirectRejects(t *testing.T) {
	reject := func(p Precision, s lowering.ConvolutionShape) error {
		return compute(1, func() error {
			_, err := newOwn(convolution{Direction: lowering.Forward, Precision: p, Algorithm: string(direct), Shape: s})
			return err
		})
	}
	s := shape(1, 4, 4, 8, 8, 3, 2, 1)
	for _, p := range []Precision{Float32, BFloat16} {
		if !ownSupports(p) {
			require.ErrorContains(t, reject(p, s), "AVX-512")
			continue
		}
		require.ErrorContains(t, reject(p, shape(1, 4, 4, 0, 8, 3, 2, 1)), "empty")
		require.ErrorContains(t, reject(p, shape(1, 2, 2, 8, 8, 3, 1, 0)), "empty")
		require.ErrorContains(t, reject(p, shape(1, 9, 9, 8, 8, 9, 1, 0)), "support")
	}
	if ownSupports(BFloat16) {
		require.ErrorContains(t, reject(BFloat16, shape(1, 4, 4, 37, 8, 3, 2, 1)), "support")
	}
}

// BenchmarkDirect is the network's convolutions that are not Winograd's, beside oneDNN's.
func BenchmarkDirect(b *testing.B) {
	for _, s := range []lowering.ConvolutionShape{
		shape(256, 32, 32, 3, 64, 3, 1, 1), shape(256, 32, 32, 64, 128, 3, 2, 1), shape(256, 16, 16, 128, 256, 3, 2, 1),
		shape(256, 8, 8, 256, 512, 3, 2, 1), shape(256, 32, 32, 64, 128, 1, 2, 0), shape(256, 16, 16, 128, 256, 1, 2, 0),
		shape(256, 8, 8, 256, 512, 1, 2, 0),
	} {
		for _, d := range directions {
			for _, p := range []Precision{Float32, BFloat16} {
				v := newTensors(p, s)
				for _, a := range []algorithm{oneDNN, direct} {
					c := convolution{Direction: d, Precision: p, Algorithm: string(a), Shape: s}
					b.Run(fmt.Sprintf("%dto%d-%dx%d/%v/%v/%s", s.In, s.Out, s.Kernel, s.Kernel, d, p, a), func(b *testing.B) {
						if !c.possible(a) {
							b.Skip("not supported here")
						}
						benchmarkKernel(b, c, v)
					})
				}
			}
		}
	}
}
