package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/experiment"
)

func TestViewsAreDrawnInTurns(t *testing.T) {
	a := tinySpec(experiment.SimCLR).Augment
	first, second := a.FirstView, *a.SecondView
	require.NotEqual(t, first, second)
	require.Equal(t, []experiment.View{first, second}, pretrainViews(a))
	a.Views = 5
	require.Equal(t, []experiment.View{first, second, first, second, first}, pretrainViews(a))
	a.Views, a.SecondView = 3, nil
	require.Equal(t, []experiment.View{first, first, first}, pretrainViews(a))
}

// More views of an image are more rows, and the first two are those that there were.
func TestLoaderDrawsManyViews(t *testing.T) {
	few := tinyDraw(tinyImages(6))
	many := few
	a := tinySpec(experiment.SimCLR).Augment
	a.Views = 4
	many.views = pretrainViews(a)
	want, got := loadAll(t, few), loadAll(t, many)
	half := len(want[0].pixels)
	for b := range want {
		require.Len(t, got[b].pixels, 2*half)
		require.Equal(t, want[b].pixels, got[b].pixels[:half])
		require.NotEqual(t, want[b].pixels, got[b].pixels[half:], "drawn anew")
	}
}

// The CPU engine follows the reference machine on four views of each image, and they count in the throughput.
func TestPretrainingOnFourViews(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Pretrain.BatchSize = 6
	spec.Augment.Views = 4
	_, want := pretrainOn(t, engine.Reference, spec)
	s, got := pretrainOn(t, onCPU.Compile, spec)
	require.InDeltaSlice(t, want, got, 1e-3)

	stats, err := PretrainEpoch(t.Context(), spec, tinyImages(12), s, onCPU)
	require.NoError(t, err)
	require.InEpsilon(t, 2*4*6/stats.Seconds, stats.ViewsPerSecond, 1e-9)
}

// A state knows what it was trained on.
func TestOtherViewsAreAnotherSpec(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	spec.Augment.Views = 3
	_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, onReference)
	require.ErrorIs(t, err, ErrOtherState)
}
