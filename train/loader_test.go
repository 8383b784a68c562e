package train

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/augment"
	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
)

func tinyDraw(images dataset.Images) draw {
	spec := tinySpec(experiment.SimCLR)
	return draw{
		images: images, order: []visit{{5, 2}, {0, 2}, {3, 2}, {1, 2}, {4, 2}, {2, 2}}, batchSize: 3, views: pretrainViews(spec.Augment), size: 8,
		seed: 7, purpose: dataset.PretrainView,
	}
}

func loadAll(t *testing.T, d draw) []batch {
	t.Helper()
	l, err := newLoader(t.Context(), d)
	require.NoError(t, err)
	defer l.close()
	var all []batch
	for range len(d.order) / d.batchSize {
		b, err := l.next(t.Context())
		require.NoError(t, err)
		all = append(all, batch{pixels: slices.Clone(b.pixels), drawn: slices.Clone(b.drawn), labels: slices.Clone(b.labels)})
		l.release(b)
	}
	return all
}

// Rows 0..N-1 are first views, N..2N-1 second views, each drawn from the stream of its image.
func TestLoaderRows(t *testing.T) {
	d := tinyDraw(tinyImages(6))
	got := loadAll(t, d)
	require.Len(t, got, 2)
	const length = 8 * 8 * 3
	for b, images := range [][]int{{5, 0, 3}, {1, 4, 2}} {
		for i, image := range images {
			require.Equal(t, float32(d.images.Labels[image]), got[b].labels[i])
			for v, view := range d.views {
				transform, err := augment.New(view, 8)
				require.NoError(t, err)
				want := make([]float32, length)
				random := dataset.Stream(7, dataset.PretrainView, 2, image, v)
				transform.Apply(want, d.images.Image(image), 8, 8, random)
				row := (v*3 + i) * length
				require.Equal(t, want, got[b].pixels[row:row+length], "batch %d, image %d, view %d", b, image, v)
			}
		}
	}
}

// What is drawn for the machine is what the loader's own views are made by.
func TestLoaderDrawsForTheMachine(t *testing.T) {
	d := tinyDraw(tinyImages(6))
	d.onDevice = true
	got := loadAll(t, d)
	require.Len(t, got, 2)
	for b, images := range [][]int{{5, 0, 3}, {1, 4, 2}} {
		require.Empty(t, got[b].pixels)
		for i, image := range images {
			for v, view := range d.views {
				transform, err := augment.New(view, 8)
				require.NoError(t, err)
				want := transform.Draw(8, 8, dataset.Stream(7, dataset.PretrainView, 2, image, v))
				require.Equal(t, engine.View{Image: image, Drawn: want}, got[b].drawn[v*3+i])
			}
		}
	}
}

func TestLoaderDoesNotDependOnGoroutines(t *testing.T) {
	d := tinyDraw(tinyImages(6))
	var one, many []batch
	withProcs(1, func() { one = loadAll(t, d) })
	withProcs(5, func() { many = loadAll(t, d) })
	require.Equal(t, one, many)
}

func TestLoaderStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, err := newLoader(ctx, tinyDraw(tinyImages(6)))
	require.NoError(t, err)
	cancel()
	l.close() // returns though nobody took a batch
	for range 3 {
		if _, err = l.next(ctx); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, context.Canceled)
}
