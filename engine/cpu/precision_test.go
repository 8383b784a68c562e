package cpu_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/experiment"
	"twinview/model"
)

// everyWinograd allows a tile in all directions.
func everyWinograd(tile int) cpu.Winograd {
	return cpu.Winograd{Forward: tile, InputGrad: tile, WeightGrad: tile}
}

func needs(t testing.TB, p cpu.Precision) {
	t.Helper()
	if !cpu.Supports(p) {
		t.Skipf("this CPU has no instructions for %v", p)
	}
}

// gradient is that of a classifier's convolutions, one behind the other.
//
// A ReLU whose input is within rounding of 0 is open in one precision and shut in another, and as many ReLUs do so as
// rounding is large: at initialisation PyTorch's bfloat16 gradient differs by a third of its norm from the one in float64,
// and so does ours (docs/performance.md). That hides mistakes. Here the batch norms' biases keep each channel away from 0,
// on either side where no residual follows.
//
// The labels can be learnt, as in every training: with labels at random the images' gradients cancel each other but for a
// small part, and what rounding left of them is compared with that.
func gradient(t testing.TB, o cpu.Options) []float32 {
	t.Helper()
	const batch, size, classes = 128, 24, 6
	wide := experiment.Encoder{Architecture: experiment.ResNet18, Width: 32}
	n, err := model.NewClassifier(wide, classes, options(batch, size))
	require.NoError(t, err)
	model.Initialise(n, 7)
	m, err := cpu.Compiler(o)(n.Graph, outputsOf(n), nil)
	require.NoError(t, err)
	defer m.Close()
	for _, p := range n.Parameters {
		if p.Decay || !strings.HasSuffix(p.Name, ".bias") || strings.HasPrefix(p.Name, "fc") {
			continue
		}
		for c, bias := 0, m.Values(p.Value); c < len(bias); c++ {
			bias[c] = 2
			if c%2 == 1 && strings.HasSuffix(p.Name, "bn1.bias") {
				bias[c] = -2
			}
		}
	}
	pictures(m.Values(n.Images), batch, size)
	orders(m.Values(n.Labels), m.Values(n.Images))
	require.NoError(t, m.RunAll())
	var all []float32
	for _, p := range n.Parameters {
		if p.Value.Dims() != 4 {
			continue // shifts that the next batch norm takes back have a gradient of rounding errors only
		}
		all = append(all, m.Values(p.Grad)...)
	}
	return all
}

// pictures fills images [batch, size, size, 3] with waves of one colour and lowering.Direction each, and some noise. Images of noise
// alone look all the same to a convolutional network, and what is left of their gradient is rounding.
func pictures(pixels []float32, batch, size int) {
	r := rand.New(rand.NewPCG(11, 12))
	for image := range batch {
		right, down := r.NormFloat64()/3, r.NormFloat64()/3
		var colour, mean [3]float64
		for c := range 3 {
			colour[c], mean[c] = r.NormFloat64(), r.NormFloat64()
		}
		for p := range size * size {
			wave := math.Sin(right*float64(p%size) + down*float64(p/size))
			for c := range 3 {
				pixels[(image*size*size+p)*3+c] = float32(mean[c] + wave*colour[c] + 0.2*r.NormFloat64())
			}
		}
	}
}

// orders labels images of 3 channels by the order of the channels' means, of which there are 6.
func orders(labels, pixels []float32) {
	for i := range labels {
		var sum [3]float32
		for p, v := range pixels[i*len(pixels)/len(labels) : (i+1)*len(pixels)/len(labels)] {
			sum[p%3] += v
		}
		labels[i] = 0
		for bit, pair := range [][2]int{{0, 1}, {1, 2}, {2, 0}} {
			if sum[pair[0]] > sum[pair[1]] {
				labels[i] += float32(int(1) << bit)
			}
		}
		labels[i]-- // of three such comparisons at least one holds, and never all
	}
}

// TestGradientsInEveryPrecision compares with direct convolutions in float32, which TestWholeNetwork compares with the
// reference.
func TestGradientsInEveryPrecision(t *testing.T) {
	want := gradient(t, cpu.Options{})
	for name, c := range map[string]struct {
		o     cpu.Options
		bound float64
	}{
		"float32, F(2x2)":  {cpu.Options{Winograd: everyWinograd(2)}, 1e-5},
		"float32, F(4x4)":  {cpu.Options{Winograd: everyWinograd(4)}, 1e-5},
		"bfloat16, direct": {cpu.Options{Precision: cpu.BFloat16}, 2e-2},
		"bfloat16, F(2x2)": {cpu.Options{Precision: cpu.BFloat16, Winograd: everyWinograd(2)}, 2e-2},
		"bfloat16, F(4x4)": {cpu.Options{Precision: cpu.BFloat16, Winograd: everyWinograd(4)}, 5e-2},
	} {
		t.Run(name, func(t *testing.T) {
			needs(t, c.o.Precision)
			d := distance(gradient(t, c.o), want)
			t.Logf("relative norm of the difference: %.1e", d)
			require.LessOrEqual(t, d, c.bound) // NaN is not
		})
	}
}

// TestRecordedKernels: a machine compiled with another's kernels computes the same bits, whatever its own options are, and
// one that cannot run them says so.
func TestRecordedKernels(t *testing.T) {
	needs(t, cpu.BFloat16)
	build := networks["SimCLR"]
	losses := func(o cpu.Options, recorded engine.Kernels) (float32, engine.Kernels) {
		n, err := build()
		require.NoError(t, err)
		model.Initialise(n, 7)
		m, err := cpu.Compiler(o)(n.Graph, outputsOf(n), recorded)
		require.NoError(t, err)
		defer m.Close()
		fill(m.Values(n.Images), 3, 1)
		require.NoError(t, m.RunAll())
		return m.Values(n.Loss)[0], m.Kernels()
	}
	o := cpu.Options{Threads: 2, Precision: cpu.BFloat16, Winograd: everyWinograd(2)}
	loss, kernels := losses(o, nil)
	again, same := losses(cpu.Options{Threads: 2, Winograd: everyWinograd(4), Measure: true}, kernels)
	require.Equal(t, loss, again)
	require.Equal(t, kernels, same)
	require.Equal(t, "bfloat16", kernels["precision"])
	require.Contains(t, kernels.String(), "F(2x2,3x3)")
	other, _ := losses(cpu.Options{Threads: 2}, nil)
	require.NotEqual(t, loss, other)

	n, err := build()
	require.NoError(t, err)
	_, err = cpu.Compile(n.Graph, outputsOf(n), engine.Kernels{"precision": "float8"})
	require.ErrorIs(t, err, engine.ErrUnsupported)
	for name := range kernels {
		if name != "precision" {
			_, err = cpu.Compile(n.Graph, outputsOf(n), engine.Kernels{name: "F(9x9,3x3)"})
			require.ErrorIs(t, err, engine.ErrUnsupported, name)
		}
	}
}
