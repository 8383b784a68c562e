package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// winogradShape is that of a 3×3 convolution of stride 1 and pad 1.
type winogradShape struct{ batch, height, width, in, out int }

func (s winogradShape) convolution(d direction, p Precision, tile int) convolution {
	return convolution{
		direction: d, precision: p, algorithm: map[int]algorithm{0: direct, 2: winograd2, 4: winograd4}[tile],
		shape: convolutionShape{s.batch, s.height, s.width, s.in, s.out, 3, 1, 1},
	}
}

// activations are an NHWC tensor of either precision.
type activations struct {
	precision Precision
	words     []float32 // two bfloat16 in each, if that is the precision
	len       int
}

func newActivations(p Precision, n int) activations {
	size := n
	if p == BFloat16 {
		size = (n + 1) / 2
	}
	return activations{p, make([]float32, size), n}
}

func (a activations) pointer() unsafe.Pointer { return unsafe.Pointer(&a.words[0]) }

func (a activations) halves() []uint16 { return unsafe.Slice((*uint16)(a.pointer()), a.len) }

func (a activations) set(values []float64) {
	for i, v := range values {
		if a.precision == BFloat16 {
			a.halves()[i] = bfloat16Of(float32(v))
		} else {
			a.words[i] = float32(v)
		}
	}
}

func (a activations) values() []float64 {
	values := make([]float64, a.len)
	for i := range values {
		if a.precision == BFloat16 {
			values[i] = float64(math.Float32frombits(uint32(a.halves()[i]) << 16))
		} else {
			values[i] = float64(a.words[i])
		}
	}
	return values
}

// bfloat16Of rounds to nearest, ties to even.
func bfloat16Of(v float32) uint16 {
	bits := math.Float32bits(v)
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// noise is normal and exact in bfloat16, so that all of a result's error is the convolution's.
func noise(seed uint64, n int, scale float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 5))
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(math.Float32frombits(uint32(bfloat16Of(float32(scale*r.NormFloat64()))) << 16))
	}
	return values
}

// convolution3x3 is what is computed, from its definition: the tensor that d names from the other two.
func convolution3x3(d direction, s winogradShape, x, weights, y []float64) []float64 {
	result := map[direction]*[]float64{forward: &y, inputGrad: &x, weightGrad: &weights}[d]
	*result = make([]float64, len(*result))
	for pixel := range s.batch * s.height * s.width {
		row, column := pixel/s.width%s.height, pixel%s.width
		for k := range 9 {
			down, right := k/3-1, k%3-1
			if row+down < 0 || row+down >= s.height || column+right < 0 || column+right >= s.width {
				continue
			}
			xs := x[(pixel+down*s.width+right)*s.in:][:s.in]
			for o := range s.out {
				for i := range xs {
					w := &weights[(o*s.in+i)*9+k]
					switch v := &y[pixel*s.out+o]; d {
					case forward:
						*v += xs[i] * *w
					case inputGrad:
						xs[i] += *v * *w
					case weightGrad:
						*w += xs[i] * *v
					}
				}
			}
		}
	}
	return *result
}

// relativeError is the norm of the difference by the norm of what is wanted.
func relativeError(got, want []float64) float64 {
	var difference, norm float64
	for i := range want {
		difference += (got[i] - want[i]) * (got[i] - want[i])
		norm += want[i] * want[i]
	}
	return math.Sqrt(difference / norm)
}

// tensors are a convolution's three, the one that is written full of noise too.
type tensors struct {
	x, y    activations
	weights []float32
}

func newTensors(p Precision, s winogradShape) tensors {
	pixels := s.batch * s.height * s.width
	t := tensors{newActivations(p, pixels*s.in), newActivations(p, pixels*s.out), make([]float32, s.out*s.in*9)}
	t.x.set(noise(1, t.x.len, 1))
	t.y.set(noise(2, t.y.len, 1))
	for i, w := range noise(3, len(t.weights), 0.1) {
		t.weights[i] = float32(w)
	}
	return t
}

func (t tensors) weightValues() []float64 {
	values := make([]float64, len(t.weights))
	for i, w := range t.weights {
		values[i] = float64(w)
	}
	return values
}

// written are the values of the tensor that d writes.
func (t tensors) written(d direction) []float64 {
	switch d {
	case forward:
		return t.y.values()
	case inputGrad:
		return t.x.values()
	}
	return t.weightValues()
}

func (t tensors) run(w *winograd, accumulate bool) error {
	return w.run(t.x.pointer(), unsafe.Pointer(&t.weights[0]), t.y.pointer(), accumulate)
}

var directions = []direction{forward, inputGrad, weightGrad}

// forEachWinograd runs a test for each direction, precision and tile.
func forEachWinograd(t *testing.T, test func(t *testing.T, d direction, p Precision, tile int)) {
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
	if !winogradSupports(p) {
		t.Skipf("this CPU has no AVX-512 for %v", p)
	}
}

// onWinograd makes a convolution and does something with it, on the compute thread.
func onWinograd(
	t testing.TB, threads int, d direction, p Precision, tile int, s winogradShape, do func(w *winograd) error,
) {
	t.Helper()
	require.NoError(t, compute(threads, func() error {
		w, err := newWinograd(s.convolution(d, p, tile))
		if err != nil {
			return err
		}
		defer w.free()
		return do(w)
	}))
}

// compute runs do on the compute thread.
func compute(threads int, do func() error) error { return newCaller(threads).compute(do) }

// winogradShapes have edges that tiles, groups of 32 channels, slices of 64 and blocks of tiles don't divide.
var winogradShapes = []winogradShape{
	{2, 8, 8, 64, 64}, {1, 7, 7, 8, 24}, {3, 9, 9, 37, 40}, {3, 1, 1, 96, 32}, {1, 5, 6, 40, 96}, {2, 8, 8, 32, 37},
	{1, 4, 4, 130, 160}, {1, 16, 16, 3, 3}, {17, 8, 8, 32, 32}, {3, 2, 13, 17, 9}, {1, 4, 4, 512, 16},
}

// TestWinograd: what F(4×4) loses in bfloat16 is the rounding of the transformed tensors, magnified by the way back.
func TestWinograd(t *testing.T) {
	bounds := map[Precision]map[int]float64{Float32: {2: 1e-6, 4: 3e-6}, BFloat16: {2: 6e-3, 4: 1.6e-2}}
	forEachWinograd(t, func(t *testing.T, d direction, p Precision, tile int) {
		worst := 0.0
		for _, s := range winogradShapes {
			v := newTensors(p, s)
			want := convolution3x3(d, s, v.x.values(), v.weightValues(), v.y.values())
			onWinograd(t, 2, d, p, tile, s, func(w *winograd) error { return v.run(w, false) })
			e := relativeError(v.written(d), want)
			require.LessOrEqual(t, e, bounds[p][tile], "%+v", s) // NaN is not
			worst = max(worst, e)
		}
		t.Logf("largest relative error %.1e", worst)
	})
}

func TestWinogradAccumulates(t *testing.T) {
	forEachWinograd(t, func(t *testing.T, d direction, p Precision, tile int) {
		if d != inputGrad {
			t.Skip("nothing to accumulate")
		}
		for _, s := range winogradShapes {
			v := newTensors(p, s)
			before, want := v.x.values(), convolution3x3(d, s, v.x.values(), v.weightValues(), v.y.values())
			for i, b := range before {
				want[i] += b
			}
			onWinograd(t, 2, d, p, tile, s, func(w *winograd) error { return v.run(w, true) })
			require.LessOrEqual(t, relativeError(v.written(d), want), 1.6e-2, "%+v", s)
		}
	})
}

// TestWinogradRepeats compares bits of two runs, and of forward and input gradient also with one thread: only the weight
// gradient's sums depend on how many there are.
func TestWinogradRepeats(t *testing.T) {
	forEachWinograd(t, func(t *testing.T, d direction, p Precision, tile int) {
		for _, s := range []winogradShape{{9, 10, 10, 40, 72}, {2, 4, 4, 512, 32}} {
			run := func(threads int) []float64 {
				v := newTensors(p, s)
				onWinograd(t, threads, d, p, tile, s, func(w *winograd) error {
					if err := v.run(w, false); err != nil {
						return err
					}
					return v.run(w, false) // work memory is no longer zero
				})
				return v.written(d)
			}
			first := run(2)
			require.Equal(t, first, run(2))
			if d != weightGrad {
				require.Equal(t, first, run(1))
			}
		}
	})
}

func TestWinogradKeepsNaN(t *testing.T) {
	forEachWinograd(t, func(t *testing.T, d direction, p Precision, tile int) {
		s := winogradShape{1, 8, 8, 32, 32}
		v := newTensors(p, s)
		x, y := v.x.values(), v.y.values()
		x[100], y[100] = math.NaN(), math.NaN()
		v.x.set(x)
		v.y.set(y)
		onWinograd(t, 2, d, p, tile, s, func(w *winograd) error { return v.run(w, false) })
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
			_, err := newWinograd(s.convolution(forward, p, tile))
			return err
		})
	}
	for _, p := range []Precision{Float32, BFloat16} {
		if !winogradSupports(p) {
			require.ErrorContains(t, reject(p, 2, s), "AVX-512")
			continue
		}
		require.ErrorContains(t, reject(p, 3, s), "want 2 or 4")
		require.ErrorContains(t, reject(p, 2, winogradShape{1, 4, 4, 0, 8}), "empty")
	}
	needWinograd(t, Float32)
	var w *winograd
	require.NoError(t, compute(1, func() (err error) {
		w, err = newWinograd(s.convolution(forward, Float32, 2))
		return err
	}))
	defer w.free()
	v := newTensors(Float32, s)
	require.ErrorContains(t, compute(2, func() error { return v.run(w, false) }), "made for 1")
}

// BenchmarkWinograd is a convolution of each stage of the network, beside oneDNN's direct one as F0, in operations of the
// direct algorithm per second.
func BenchmarkWinograd(b *testing.B) {
	for _, s := range []winogradShape{
		{256, 32, 32, 64, 64}, {256, 16, 16, 128, 128}, {256, 8, 8, 256, 256}, {256, 4, 4, 512, 512}, {256, 32, 32, 32, 32},
	} {
		operations := 2 * 9 * float64(s.batch*s.height*s.width*s.in*s.out)
		report := func(b *testing.B) {
			b.ReportMetric(operations*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		}
		for _, d := range directions {
			layer := fmt.Sprintf("%dch/%v", s.out, d)
			for _, p := range []Precision{Float32, BFloat16} {
				v := newTensors(p, s)
				for _, tile := range []int{0, 2, 4} {
					b.Run(fmt.Sprintf("%s/%v/F%d", layer, p, tile), func(b *testing.B) {
						needWinograd(b, p)
						require.NoError(b, compute(2, func() error {
							k, err := newKernel(s.convolution(d, p, tile))
							if err != nil {
								return err
							}
							defer k.free()
							return benchmark(b, func() error {
								return k.run(v.x.pointer(), unsafe.Pointer(&v.weights[0]), v.y.pointer(), false)
							})
						}))
						report(b)
					})
				}
			}
		}
	}
}

// benchmark leaves the first run out: it touches memory for the first time.
func benchmark(b *testing.B, run func() error) error {
	if err := run(); err != nil {
		return err
	}
	for b.Loop() {
		if err := run(); err != nil {
			return err
		}
	}
	return nil
}
