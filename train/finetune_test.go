package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func finetune(t *testing.T, spec *experiment.Spec, s *State, epochs int) []EpochStats {
	t.Helper()
	var all []EpochStats
	for range epochs {
		stats, err := FinetuneEpoch(t.Context(), spec, tinyImages(13), s, onReference)
		require.NoError(t, err)
		all = append(all, stats)
	}
	return all
}

func TestFinetuningStartsFromTheEncoder(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	pretrained := newPretrained(t, spec)
	s, err := NewFinetuneState(spec, tinyClasses, pretrained)
	require.NoError(t, err)
	require.Zero(t, s.Epoch)
	require.Zero(t, s.Step)
	copied := 0
	for _, tensor := range s.StateDict() {
		require.NotContains(t, tensor.Name, "projector")
		if source, err := find(pretrained.tensors, tensor.Name); err == nil {
			require.Equal(t, source, tensor)
			copied++
		}
	}
	require.Equal(t, len(s.StateDict())-2, copied, "all but fc.weight and fc.bias")

	before := written(t, pretrained)
	finetune(t, spec, s, 1)
	require.Equal(t, before, written(t, pretrained), "fine-tuning moves a copy")
}

func TestFinetuningLearns(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Finetune.Epochs = 10
	spec.Finetune.BatchSize = 6
	spec.Finetune.Optimizer.LearningRate = 0.01
	s, err := NewFinetuneState(spec, tinyClasses, newPretrained(t, spec))
	require.NoError(t, err)
	stats := finetune(t, spec, s, 10)
	require.Less(t, stats[9].Loss, 0.5*stats[0].Loss)
	require.Greater(t, stats[9].Accuracy, 0.8)
	score, err := Score(t.Context(), spec, tinyClasses, tinyImages(13), s, onReference)
	require.NoError(t, err)
	require.Greater(t, score.Accuracy, 0.8)
	require.Less(t, score.Loss, 0.5*stats[0].Loss)
}

func TestFinetuningResumesExactly(t *testing.T) {
	spec := tinySpec(experiment.BarlowTwins)
	pretrained := newPretrained(t, spec)
	uninterrupted, err := NewFinetuneState(spec, tinyClasses, pretrained)
	require.NoError(t, err)
	interrupted, err := NewFinetuneState(spec, tinyClasses, reread(t, pretrained))
	require.NoError(t, err)
	withProcs(1, func() { finetune(t, spec, uninterrupted, 2) })
	withProcs(3, func() {
		finetune(t, spec, interrupted, 1)
		interrupted = reread(t, interrupted)
		finetune(t, spec, interrupted, 1)
	})
	require.Equal(t, written(t, uninterrupted), written(t, interrupted))
}

func TestFinetuneRefusesBadInput(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	pretrained := newPretrained(t, spec)
	s, err := NewFinetuneState(spec, 2, pretrained)
	require.NoError(t, err)
	_, err = FinetuneEpoch(t.Context(), spec, tinyImages(8), s, onReference)
	require.ErrorContains(t, err, "label 2 of image 2")
	_, err = FinetuneEpoch(t.Context(), spec, tinyImages(8), pretrained, onReference)
	require.ErrorIs(t, err, ErrOtherState)
	_, err = NewFinetuneState(spec, 2, s)
	require.ErrorIs(t, err, ErrOtherState)

	spec.Finetune.Optimizer.LearningRate *= 2
	s, err = NewFinetuneState(spec, tinyClasses, pretrained)
	require.NoError(t, err, "pretraining knows nothing of fine-tuning")
	spec.Finetune.Optimizer.LearningRate *= 2
	_, err = FinetuneEpoch(t.Context(), spec, tinyImages(8), s, onReference)
	require.ErrorIs(t, err, ErrOtherState)
}
