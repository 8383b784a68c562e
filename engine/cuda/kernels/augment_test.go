package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/augment"
	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/host"
	"twinview/experiment"
)

// everyTransform makes each of them likely.
func everyTransform(blur int) experiment.View {
	return experiment.View{
		Crop:      experiment.Crop{Scale: [2]float64{0.08, 1}, Ratio: [2]float64{3. / 4, 4. / 3}},
		Flip:      0.5,
		Jitter:    experiment.ColorJitter{Probability: 0.8, Brightness: 0.8, Contrast: 0.8, Saturation: 0.8, Hue: 0.2},
		Grayscale: 0.3,
		Blur:      experiment.Blur{Probability: 0.7, Kernel: blur, Sigma: [2]float64{0.1, 2}},
		Solarize:  experiment.Solarize{Probability: 0.4, Threshold: 0.5},
		Normalize: experiment.Normalize{Mean: [3]float64{0.49, 0.48, 0.45}, Std: [3]float64{0.25, 0.24, 0.26}},
	}
}

func normalizer(d *device, n experiment.Normalize) *host.Memory {
	var values []float32
	for _, std := range n.Std {
		values = append(values, float32(1/std))
	}
	for c, mean := range n.Mean {
		values = append(values, float32(-mean/n.Std[c]))
	}
	return d.put(float32s, values...)
}

func TestAugment(t *testing.T) {
	const images, views = 5, 24
	for _, s := range []struct{ height, width, size, blur, channels int }{
		{32, 32, 32, 3, 3}, {21, 45, 17, 5, 4}, {64, 64, 16, 31, 8}, {8, 8, 24, 1, 3},
	} {
		for _, e := range elements {
			t.Run(fmt.Sprint(e.name, s), func(t *testing.T) {
				d := newDevice(t)
				bytes := d.bytes(images * s.height * s.width * 3)
				for i := range bytes.Bytes() {
					bytes.Bytes()[i] = byte(d.random.UintN(256))
				}
				view := everyTransform(s.blur)
				transform, err := augment.New(view, s.size)
				require.NoError(t, err)

				pixels := s.size * s.size
				var table []kernels.View
				var want []float64
				for v := range views {
					image, seed := v%images, d.random.Uint64()
					table = append(table, kernels.NewView(image, transform.Draw(s.height, s.width, rand.New(rand.NewPCG(seed, 1)))))
					applied, length := make([]float32, pixels*3), s.height*s.width*3
					transform.Apply(applied, bytes.Bytes()[image*length:(image+1)*length], s.height, s.width,
						rand.New(rand.NewPCG(seed, 1)))
					for i, value := range applied {
						want = append(want, float64(value))
						if i%3 == 2 {
							want = append(want, make([]float64, s.channels-3)...)
						}
					}
				}
				launch, err := kernels.Augment(views, s.height, s.width, s.size, s.blur)
				require.NoError(t, err)
				of, normalize, dst := copied(d, table), normalizer(d, view.Normalize), d.empty(e, views*pixels*s.channels)
				d.run(func() {
					d.launch("augment_"+e.name, launch, of, bytes, int32(s.height), int32(s.width), int32(s.size), int32(s.blur),
						float32(view.Solarize.Threshold), normalize, int32(s.channels), dst)
				}, dst)
				requireAlmostAll(t, want, get(e, dst), e.rounding)
			})
		}
	}
}

// requireAlmostAll fails if more than one value in 10,000 is off: solarize turns round what lies on either side of its threshold,
// by however little.
func requireAlmostAll(t *testing.T, want, got []float64, rounding float64) {
	t.Helper()
	require.Equal(t, len(want), len(got))
	off := 0
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= 1e-5+rounding*math.Abs(w)) {
			off++
		}
	}
	require.LessOrEqual(t, off, len(want)/10000, "of %d values", len(want))
}

func TestAugmentOfLargeImages(t *testing.T) {
	_, err := kernels.Augment(1, 256, 256, 224, 23)
	require.ErrorContains(t, err, "augment on the CPU")
	_, err = kernels.Augment(1, 64, 64, 64, 7)
	require.NoError(t, err)
}
