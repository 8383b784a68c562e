package train

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/experiment"
)

func TestFeaturesOfAPartialBatch(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	images := tinyImages(10) // batches of 4, 4 and 2
	ctx := t.Context()
	all, err := Features(ctx, spec, images, s, onReference)
	require.NoError(t, err)
	const width = 8 * 8
	require.Len(t, all, 10*width)

	spec.Compute.EvaluationBatchSize = 1
	for i := range 10 {
		one := dataset.Images{Height: 8, Width: 8, Pixels: images.Image(i), Labels: images.Labels[i : i+1]}
		alone, err := Features(ctx, spec, one, s, onReference)
		require.NoError(t, err)
		require.Equal(t, all[i*width:(i+1)*width], alone, "image %d", i)
	}
	require.NotEqual(t, all[:width], all[width:2*width])
}

func TestFeaturesChangeNothing(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	before := written(t, s)
	_, err := Features(t.Context(), spec, tinyImages(5), s, onReference)
	require.NoError(t, err)
	require.Equal(t, before, written(t, s))
}

func TestFeaturesUseTheRunningStatistics(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	first, err := Features(t.Context(), spec, tinyImages(4), s, onReference)
	require.NoError(t, err)
	variance, err := find(s.tensors, "bn1.running_var")
	require.NoError(t, err)
	variance.Data[0] *= 4
	second, err := Features(t.Context(), spec, tinyImages(4), s, onReference)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

func TestFeaturesOfNoImages(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	features, err := Features(t.Context(), spec, tinyImages(0), s, onReference)
	require.NoError(t, err)
	require.Empty(t, features)
}

func TestFeaturesRefuseAnotherEncodersState(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	spec.Encoder.Width = 16
	_, err = Features(t.Context(), spec, tinyImages(2), s, onReference)
	require.ErrorIs(t, err, ErrOtherState)
	require.ErrorContains(t, err, "conv1.weight")
}

func TestFeaturesStopWhenCancelled(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Features(ctx, spec, tinyImages(2), s, onReference)
	require.ErrorIs(t, err, context.Canceled)
}

func TestFeaturesAreNormalisedAsTheFirstView(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	features := func() []float32 {
		x, err := Features(t.Context(), spec, tinyImages(2), s, onReference)
		require.NoError(t, err)
		return x
	}
	want := features()
	spec.Finetune.Augment.Normalize.Mean[0] = 0
	require.Equal(t, want, features())
	spec.Augment.FirstView.Normalize.Mean[0] = 0
	require.NotEqual(t, want, features())
}

// Statistics that are yet to be measured would make every value infinite.
func TestFeaturesNeedStatistics(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	spec.Augment.FirstView.Normalize = experiment.Normalize{}
	_, err = Features(t.Context(), spec, tinyImages(4), s, onReference)
	require.ErrorContains(t, err, "are not filled in")
}
