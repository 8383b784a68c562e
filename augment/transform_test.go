package augment

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// testView uses every transform, with probabilities that tell them apart.
func testView() experiment.View {
	return experiment.View{
		Crop:      experiment.Crop{Scale: [2]float64{0.08, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		Flip:      0.5,
		Jitter:    experiment.ColorJitter{Probability: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1},
		Grayscale: 0.2,
		Blur:      experiment.Blur{Probability: 0.6, Kernel: 3, Sigma: [2]float64{0.1, 2}},
		Solarize:  experiment.Solarize{Probability: 0.3, Threshold: 0.5},
		Normalize: cifar10Statistics(),
	}
}

// plainView changes nothing but the range of the values.
func plainView() experiment.View {
	return experiment.View{
		Crop:      experiment.Crop{Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}},
		Normalize: cifar10Statistics(),
	}
}

func newTransform(t testing.TB, v experiment.View, size int) *Transform {
	t.Helper()
	transform, err := New(v, size)
	require.NoError(t, err)
	return transform
}

func stream(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func noise(height, width int) []uint8 {
	r := stream(99)
	pixels := make([]uint8, height*width*3)
	for i := range pixels {
		pixels[i] = uint8(r.UintN(256))
	}
	return pixels
}

func TestApplyOfPlainViewIsPlain(t *testing.T) {
	source := noise(32, 32)
	got, want := make([]float32, len(source)), make([]float32, len(source))
	newTransform(t, plainView(), 32).Apply(got, source, 32, 32, stream(1))
	Plain(want, source, cifar10Statistics())
	require.Equal(t, want, got)
}

// A view is a function of image and stream: neither what the transform drew before nor what dst held matters.
func TestApplyIsPure(t *testing.T) {
	source, small := noise(32, 32), noise(13, 19)
	used, want, got := newTransform(t, testView(), 24), make([]float32, 24*24*3), make([]float32, 24*24*3)
	for seed := range uint64(50) {
		newTransform(t, testView(), 24).Apply(want, source, 32, 32, stream(seed))
		used.Apply(got, small, 13, 19, stream(seed+1000))
		for i := range got {
			got[i] = float32(math.NaN())
		}
		used.Apply(got, source, 32, 32, stream(seed))
		require.Equal(t, want, got)
	}
}

func TestApplyLeavesSourceAlone(t *testing.T) {
	source := noise(32, 32)
	before := slices.Clone(source)
	transform := newTransform(t, testView(), 32)
	r, dst := stream(1), make([]float32, 32*32*3)
	for range 50 {
		transform.Apply(dst, source, 32, 32, r)
	}
	require.Equal(t, before, source)
}

// Each transform that is switched on alone changes the view as its exported function does.
func TestApplyUsesEveryTransform(t *testing.T) {
	source := noise(16, 16)
	var s Scratch
	cases := map[string]struct {
		set  func(*experiment.View)
		want func(Image, Drawn)
	}{
		"flip":      {func(v *experiment.View) { v.Flip = 1 }, func(m Image, _ Drawn) { Flip(m) }},
		"grayscale": {func(v *experiment.View) { v.Grayscale = 1 }, func(m Image, _ Drawn) { Grayscale(m) }},
		"jitter": {func(v *experiment.View) { v.Jitter = testView().Jitter; v.Jitter.Probability = 1 },
			func(m Image, d Drawn) { ColorJitter(m, d.JitterBy) }},
		"blur": {func(v *experiment.View) { v.Blur = experiment.Blur{Probability: 1, Kernel: 5, Sigma: [2]float64{1, 2}} },
			func(m Image, d Drawn) { Blur(m, 5, d.Sigma, &s) }},
		"solarize": {func(v *experiment.View) { v.Solarize = experiment.Solarize{Probability: 1, Threshold: 0.3} },
			func(m Image, _ Drawn) { Solarize(m, 0.3) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			view := plainView()
			c.set(&view)
			transform := newTransform(t, view, 16)
			got, want := make([]float32, len(source)), NewImage(16, 16)
			transform.Apply(got, source, 16, 16, stream(3))
			fromBytes(want.Pix, source)
			plain := slices.Clone(want.Pix)
			c.want(want, transform.Draw(16, 16, stream(3)))
			require.NotEqual(t, plain, want.Pix)
			Normalize(want, view.Normalize)
			require.Equal(t, want.Pix, got)
		})
	}
}

func TestApplyDoesNotAllocate(t *testing.T) {
	transform, source := newTransform(t, testView(), 32), noise(32, 32)
	dst, r := make([]float32, 32*32*3), stream(1)
	for range 100 {
		transform.Apply(dst, source, 32, 32, r)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { transform.Apply(dst, source, 32, 32, r) }))
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]func(*experiment.View){
		"gaussian_blur.kernel":      func(v *experiment.View) { v.Blur.Kernel = 4 },
		"gaussian_blur.sigma[0]":    func(v *experiment.View) { v.Blur.Sigma[0] = 0 },
		"gaussian_blur.sigma[1]":    func(v *experiment.View) { v.Blur.Sigma[1] = 0.05 },
		"crop.scale[0]":             func(v *experiment.View) { v.Crop.Scale[0] = 0 },
		"crop.scale[1]":             func(v *experiment.View) { v.Crop.Scale[1] = 1.5 },
		"crop.ratio[1]":             func(v *experiment.View) { v.Crop.Ratio[1] = 0.5 },
		"flip_probability":          func(v *experiment.View) { v.Flip = math.NaN() },
		"color_jitter.hue":          func(v *experiment.View) { v.Jitter.Hue = 0.6 },
		"normalize.std[1]":          func(v *experiment.View) { v.Normalize.Std[1] = 0 },
		"solarize.threshold":        func(v *experiment.View) { v.Solarize.Threshold = 1.1 },
		"gaussian_blur.probability": func(v *experiment.View) { v.Blur.Probability = -1 },
	}
	for field, spoil := range cases {
		view := testView()
		spoil(&view)
		_, err := New(view, 32)
		require.ErrorContains(t, err, field+" is ")
	}
	_, err := New(testView(), 0)
	require.ErrorContains(t, err, "size")
	view := testView()
	view.Blur.Kernel = 65
	_, err = New(view, 32)
	require.ErrorContains(t, err, "from 1 to 63")
}

func BenchmarkSimCLRView(b *testing.B) {
	spec := experiment.Default()
	transform, source := newTransform(b, spec.Augment.FirstView, 32), noise(32, 32)
	dst, r := make([]float32, 32*32*3), stream(1)
	b.ReportAllocs()
	for b.Loop() {
		transform.Apply(dst, source, 32, 32, r)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "views/s")
}
