package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"twinview/engine/lowering"
)

func shape(batch, height, width, in, out, kernel, stride, pad int) lowering.ConvolutionShape {
	return lowering.ConvolutionShape{
		Batch: batch, Height: height, Width: width, In: in, Out: out, Kernel: kernel, Stride: stride, Pad: pad,
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
	const period = 1<<18 + 1 // benchmarks need no more
	r := rand.New(rand.NewPCG(seed, 5))
	values := make([]float64, n)
	for i := range min(n, period) {
		values[i] = float64(math.Float32frombits(uint32(bfloat16Of(float32(scale*r.NormFloat64()))) << 16))
	}
	for i := period; i < n; i++ {
		values[i] = values[i-period]
	}
	return values
}

// convolve is what is computed, from its definition: the tensor that d names from the other two.
func convolve(d lowering.Direction, s lowering.ConvolutionShape, x, weights, y []float64) []float64 {
	result := map[lowering.Direction]*[]float64{lowering.Forward: &y, lowering.InputGradient: &x, lowering.WeightGradient: &weights}[d]
	*result = make([]float64, len(*result))
	height, width := s.Output()
	for pixel := range s.Batch * height * width {
		image, row, column := pixel/width/height, pixel/width%height*s.Stride-s.Pad, pixel%width*s.Stride-s.Pad
		for k := range s.Kernel * s.Kernel {
			down, right := row+k/s.Kernel, column+k%s.Kernel
			if down < 0 || down >= s.Height || right < 0 || right >= s.Width {
				continue
			}
			xs := x[((image*s.Height+down)*s.Width+right)*s.In:][:s.In]
			for o := range s.Out {
				for i := range xs {
					w := &weights[(o*s.In+i)*s.Kernel*s.Kernel+k]
					switch v := &y[pixel*s.Out+o]; d {
					case lowering.Forward:
						*v += xs[i] * *w
					case lowering.InputGradient:
						xs[i] += *v * *w
					case lowering.WeightGradient:
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

func newTensors(p Precision, s lowering.ConvolutionShape) tensors {
	x, weights, y := s.Sizes()
	t := tensors{newActivations(p, x), newActivations(p, y), make([]float32, weights)}
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
func (t tensors) written(d lowering.Direction) []float64 {
	switch d {
	case lowering.Forward:
		return t.y.values()
	case lowering.InputGradient:
		return t.x.values()
	}
	return t.weightValues()
}

func (t tensors) run(k kernel, accumulate bool) error {
	f := &fused{}
	if accumulate {
		f.accumulate = 1
	}
	return k.run(t.x.pointer(), unsafe.Pointer(&t.weights[0]), t.y.pointer(), f)
}

var directions = []lowering.Direction{lowering.Forward, lowering.InputGradient, lowering.WeightGradient}

// compute runs do on the compute thread.
func compute(threads int, do func() error) error { return newCaller(threads).compute(do) }

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

// onKernel makes a convolution and does something with it, on the compute thread.
func onKernel(t testing.TB, threads int, c convolution, do func(k kernel) error) {
	t.Helper()
	require.NoError(t, compute(threads, func() error {
		k, err := newKernel(c)
		if err != nil {
			return err
		}
		defer k.free()
		return do(k)
	}))
}

// benchmarkKernel reports operations of the direct algorithm per second.
func benchmarkKernel(b *testing.B, c convolution, v tensors) {
	onKernel(b, 2, c, func(k kernel) error { return benchmark(b, func() error { return v.run(k, false) }) })
	s := c.Shape
	_, weights, y := s.Sizes()
	operations := 2 * float64(weights) * float64(y/s.Out)
	b.ReportMetric(operations*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
