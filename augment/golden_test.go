package augment

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// goldenTolerance is some float32 roundings of values up to 1.
const goldenTolerance = 1e-5

type golden struct {
	Images map[string]goldenImage
	Cases  []goldenCase
}

type goldenImage struct {
	Height, Width int
	Pixels        []byte
}

type goldenCase struct {
	Transform, Image string
	Parameters       struct {
		Top, Left, Height, Width, Size, Kernel int
		Factor                                 float32
		Sigma                                  float64
	}
	Expected []byte
}

func readGolden(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	return g
}

func (g goldenImage) image() Image {
	m := NewImage(g.Height, g.Width)
	fromBytes(m.Pix, g.Pixels)
	return m
}

func cifar10Statistics() experiment.Normalize {
	return experiment.Normalize{Mean: [3]float64{0.4914, 0.4822, 0.4465}, Std: [3]float64{0.2470, 0.2435, 0.2616}}
}

// run applies the case's transform and returns the result. The scratch memory is shared by all cases, as by all views.
func (c goldenCase) run(t *testing.T, m Image, s *Scratch) Image {
	t.Helper()
	p := c.Parameters
	switch c.Transform {
	case "crop":
		dst := NewImage(p.Size, p.Size)
		ResizedCrop(dst, m, Box{Top: p.Top, Left: p.Left, Height: p.Height, Width: p.Width}, s)
		return dst
	case "flip":
		Flip(m)
	case "brightness":
		Brightness(m, p.Factor)
	case "contrast":
		Contrast(m, p.Factor)
	case "saturation":
		Saturation(m, p.Factor)
	case "hue":
		Hue(m, p.Factor)
	case "grayscale":
		Grayscale(m)
	case "blur":
		Blur(m, p.Kernel, p.Sigma, s)
	case "solarize":
		Solarize(m, p.Factor)
	case "normalize":
		Normalize(m, cifar10Statistics())
	default:
		t.Fatalf("golden.json has a case of transform %q, which the test does not know", c.Transform)
	}
	return m
}

func TestTransformsMatchTorchvision(t *testing.T) {
	g := readGolden(t)
	var scratch Scratch
	seen := map[string]bool{}
	for i, c := range g.Cases {
		seen[c.Transform] = true
		t.Run(fmt.Sprintf("%s %s %d", c.Transform, c.Image, i), func(t *testing.T) {
			got := c.run(t, g.Images[c.Image].image(), &scratch)
			want := make([]float32, len(c.Expected)/4)
			require.NoError(t, binary.Read(bytes.NewReader(c.Expected), binary.LittleEndian, want))
			require.InDeltaSlice(t, want, got.Pix, goldenTolerance)
		})
	}
	require.Len(t, seen, 10, "every transform has a case")
}

// The jitter's changes do not commute, so each order must give what the changes give one after the other.
func TestColorJitterOrder(t *testing.T) {
	source := readGolden(t).Images["smooth"]
	j := Jitter{Brightness: 1.3, Contrast: 0.6, Saturation: 1.4, Hue: 0.1}
	j.Order = [4]Change{ChangeHue, ChangeSaturation, ChangeBrightness, ChangeContrast}
	got, want := source.image(), source.image()
	ColorJitter(got, j)
	Hue(want, 0.1)
	Saturation(want, 1.4)
	Brightness(want, 1.3)
	Contrast(want, 0.6)
	require.Equal(t, want, got)

	other := source.image()
	slices.Reverse(j.Order[:])
	ColorJitter(other, j)
	require.NotEqual(t, want, other)
}

func TestPlain(t *testing.T) {
	source := readGolden(t).Images["odd"]
	got := make([]float32, len(source.Pixels))
	Plain(got, source.Pixels, cifar10Statistics())
	for i, b := range source.Pixels {
		n := cifar10Statistics()
		want := (float64(b)/255 - n.Mean[i%3]) / n.Std[i%3]
		require.InDelta(t, want, got[i], goldenTolerance)
	}
}
