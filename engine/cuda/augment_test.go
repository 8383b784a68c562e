//go:build gpu

package cuda_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/augment"
	"twinview/dataset"
	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/engine/enginetest"
	"twinview/experiment"
	"twinview/model"
)

func randomImages(n, height, width int) dataset.Images {
	r := rand.New(rand.NewPCG(3, uint64(n)))
	images := dataset.Images{Height: height, Width: width, Labels: make([]uint8, n), Pixels: make([]uint8, n*height*width*3)}
	for i := range images.Pixels {
		images.Pixels[i] = uint8(r.UintN(256))
	}
	return images
}

// onLeaf is a machine of one leaf for views, and what it makes of it: the leaf itself, doubled.
func onLeaf(t *testing.T, rows, size int) (engine.Machine, *gorgonia.Node, *gorgonia.Node) {
	t.Helper()
	g := gorgonia.NewGraph()
	leaf := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(rows, size, size, 3), gorgonia.WithName("images"))
	sum := gorgonia.Must(gorgonia.Add(leaf, leaf))
	m, err := cuda.Compiler(cuda.Options{})(g, gorgonia.Nodes{sum}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m, leaf, sum
}

// The views of both methods are those that package augment makes of the same draws, and they are there for the next run.
func TestAugmenter(t *testing.T) {
	const each, size = 6, 12
	images := randomImages(5, 16, 14)
	for _, method := range []string{experiment.SimCLR, experiment.BarlowTwins} {
		t.Run(method, func(t *testing.T) {
			spec := experiment.DefaultFor(method)
			views := []experiment.View{spec.Augment.FirstView, spec.Augment.FirstView}
			views[1].Solarize = experiment.Solarize{Probability: 0.5, Threshold: 0.3}
			m, leaf, sum := onLeaf(t, each*len(views), size)
			a, err := m.(engine.Augmenting).NewAugmenter(leaf, images, views)
			require.NoError(t, err)

			var drawn []engine.View
			var want []float32
			for row := range each * len(views) {
				transform, err := augment.New(views[row/each], size)
				require.NoError(t, err)
				random := func() *rand.Rand { return rand.New(rand.NewPCG(8, uint64(row))) }
				image := row % images.Len()
				drawn = append(drawn, engine.View{Image: image, Drawn: transform.Draw(images.Height, images.Width, random())})
				view := make([]float32, size*size*3)
				transform.Apply(view, images.Image(image), images.Height, images.Width, random())
				want = append(want, view...)
			}
			require.NoError(t, a.Fill(drawn))
			require.NoError(t, m.RunAll())
			// Solarize turns round what lies on either side of its threshold, by however little.
			off := 0
			for i, v := range m.Values(leaf) {
				if diff := v - want[i]; diff > 1e-5 || diff < -1e-5 {
					off++
				}
			}
			require.LessOrEqual(t, off, len(want)/1000)
			for i, v := range m.Values(sum) {
				require.Equal(t, 2*m.Values(leaf)[i], v)
			}
			first := slices.Clone(m.Values(leaf))
			require.NoError(t, a.Fill(drawn))
			require.NoError(t, m.RunAll())
			require.Equal(t, first, m.Values(leaf))

			require.ErrorContains(t, a.Fill(drawn[1:]), "11 views for 12 rows")
			drawn[3].Image = 5
			require.ErrorContains(t, a.Fill(drawn), "row 3 is of image 5, but there are 5")
		})
	}
}

// A data set stays on the device from one machine to the next, and goes when another one comes.
func TestAugmentersShareImages(t *testing.T) {
	views := []experiment.View{experiment.DefaultFor(experiment.SimCLR).Augment.FirstView}
	held := func() int64 {
		now, _ := cuda.Memory()
		return now
	}
	with := func(images dataset.Images) (engine.Machine, int64) {
		m, leaf, _ := onLeaf(t, 4, 8)
		before := held()
		_, err := m.(engine.Augmenting).NewAugmenter(leaf, images, views)
		require.NoError(t, err)
		return m, held() - before
	}
	one, other := randomImages(300, 16, 16), randomImages(200, 16, 16)
	first, took := with(one)
	second, again := with(one)
	require.Greater(t, took-again, int64(len(one.Pixels))*9/10, "the second takes what is there")
	require.NoError(t, first.Close())
	require.NoError(t, second.Close())
	_, again = with(one)
	require.Less(t, again, int64(len(one.Pixels)), "it was kept for the next epoch")

	third, _ := with(other) // one is in use still
	_, again = with(one)
	require.Less(t, again, int64(len(one.Pixels)))
	require.NoError(t, third.Close())
}

// Where the memory is too little for a network, what was kept for another epoch goes first.
func TestImagesMakeRoomForNetworks(t *testing.T) {
	if os.Getenv("TWINVIEW_STANDIN_MEMORY") == "" {
		t.Skip("needs the stand-in's small memory: make test-cuda")
	}
	m, leaf, _ := onLeaf(t, 4, 8)
	images := dataset.Images{Height: 128, Width: 128, Pixels: make([]uint8, 4000*128*128*3), Labels: make([]uint8, 4000)}
	views := []experiment.View{experiment.DefaultFor(experiment.SimCLR).Augment.FirstView}
	_, err := m.(engine.Augmenting).NewAugmenter(leaf, images, views)
	require.NoError(t, err)
	wide := func() error {
		n, err := model.NewLinear(5_000_000, 10, model.Options{Batch: 1})
		require.NoError(t, err)
		wide, err := cuda.Compiler(cuda.Options{})(n.Graph, enginetest.OutputsOf(n), nil)
		if err == nil {
			require.NoError(t, wide.Close())
		}
		return err
	}
	require.ErrorAs(t, wide(), new(*engine.MemoryError), "images that are in use stay")
	require.NoError(t, m.Close())
	require.NoError(t, wide())
}

// They make room for an optimiser too, beside a network that fits as it is.
func TestImagesMakeRoomForOptimizers(t *testing.T) {
	if os.Getenv("TWINVIEW_STANDIN_MEMORY") == "" {
		t.Skip("needs the stand-in's small memory: make test-cuda")
	}
	m, leaf, _ := onLeaf(t, 4, 8)
	images := dataset.Images{Height: 128, Width: 128, Pixels: make([]uint8, 4000*128*128*3), Labels: make([]uint8, 4000)}
	_, err := m.(engine.Augmenting).NewAugmenter(leaf, images,
		[]experiment.View{experiment.DefaultFor(experiment.SimCLR).Augment.FirstView})
	require.NoError(t, err)
	require.NoError(t, m.Close())
	n, err := model.NewLinear(3_000_000, 10, model.Options{Batch: 1})
	require.NoError(t, err)
	wide, err := cuda.Compiler(cuda.Options{})(n.Graph, enginetest.OutputsOf(n), nil)
	require.NoError(t, err)
	defer wide.Close()
	now, _ := cuda.Memory()
	require.Greater(t, now, int64(len(images.Pixels)), "they are still there")
	require.NoError(t, optimise(wide, n))
}

// The same bytes as images of another shape are another data set.
func TestImagesOfAnotherShape(t *testing.T) {
	images := randomImages(300, 16, 16)
	other := images
	other.Height, other.Width = 8, 32
	held := func(all ...dataset.Images) int64 {
		var machines []engine.Machine
		for _, data := range all {
			m, leaf, _ := onLeaf(t, 4, 8)
			_, err := m.(engine.Augmenting).NewAugmenter(leaf, data,
				[]experiment.View{experiment.DefaultFor(experiment.SimCLR).Augment.FirstView})
			require.NoError(t, err)
			machines = append(machines, m)
		}
		for _, m := range machines {
			require.NoError(t, m.Close())
		}
		now, _ := cuda.Memory()
		return now
	}
	one := held(images)
	require.Equal(t, one, held(images, images))
	require.Equal(t, 2*one, held(images, other))
	require.Equal(t, one, held(randomImages(300, 16, 16)), "those that nobody uses go when others come")
}

func TestViewsThatNoBlockHolds(t *testing.T) {
	m, leaf, _ := onLeaf(t, 2, 224)
	_, err := m.(engine.Augmenting).NewAugmenter(leaf, randomImages(2, 256, 256),
		[]experiment.View{experiment.DefaultFor(experiment.SimCLR).Augment.FirstView})
	require.ErrorIs(t, err, engine.ErrUnsupported)
	require.ErrorContains(t, err, "augment on the CPU")
	one := []experiment.View{experiment.DefaultFor(experiment.SimCLR).Augment.FirstView}
	m, leaf, _ = onLeaf(t, 2, 8)
	_, err = m.(engine.Augmenting).NewAugmenter(leaf, dataset.Images{Height: 8, Width: 8}, one)
	require.ErrorContains(t, err, "no images")
	_, err = m.(engine.Augmenting).NewAugmenter(leaf, randomImages(2, 8, 8), append(one, one[0], one[0]))
	require.ErrorContains(t, err, "2 rows can't be shared out among views of 3 distributions")
}
