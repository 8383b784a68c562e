package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func augmentedSpec() *experiment.Spec {
	spec := tinySpec(experiment.SimCLR)
	f := spec.Finetune
	f.Optimizer.Name, f.Optimizer.LearningRate = experiment.AdamW, 0.01
	spec.LinearAugmented = &experiment.LinearAugmented{
		Epochs: 6, BatchSize: 4, Optimizer: f.Optimizer, Schedule: f.Schedule, Augment: f.Augment,
	}
	return spec
}

func augmentedEpochs(t *testing.T, spec *experiment.Spec, encoder, s *State, epochs int, o Options) []EpochStats {
	t.Helper()
	var all []EpochStats
	for range epochs {
		stats, err := LinearAugmentedEpoch(t.Context(), spec, tinyImages(13), encoder, s, o)
		require.NoError(t, err)
		all = append(all, stats)
	}
	return all
}

func TestLinearEvaluationWithAugmentationLearns(t *testing.T) {
	spec := augmentedSpec()
	spec.LinearAugmented.Epochs = 60
	encoder := newPretrained(t, spec)
	s, err := NewLinearAugmentedState(spec, tinyClasses)
	require.NoError(t, err)
	stats := augmentedEpochs(t, spec, encoder, s, 60, onCPU)
	require.Less(t, stats[59].Loss, 0.5*stats[0].Loss)
	images := tinyImages(13)
	features, err := Features(t.Context(), spec, images, encoder, onReference)
	require.NoError(t, err)
	head, err := s.Head()
	require.NoError(t, err)
	require.Greater(t, ScoreHead(head, Labelled{Features: features, Labels: images.Labels, Dim: 8 * 8}).Accuracy, 0.8)
	_, err = LinearAugmentedEpoch(t.Context(), spec, images, encoder, s, onReference)
	require.ErrorContains(t, err, "epoch 61 is past the last: linear_augmented.epochs is 60")
}

// Where augmentation changes nothing, the features are those of linear evaluation without.
func TestFrozenEncoderSeesWhatFeaturesSees(t *testing.T) {
	spec := augmentedSpec()
	encoder := newPretrained(t, spec)
	images := tinyImages(4)
	plain := spec.LinearAugmented.Augment
	plain.Crop = experiment.Crop{Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}}
	plain.Flip, plain.Jitter.Probability = 0, 0
	d := tinyDraw(images)
	d.views, d.order, d.batchSize = []experiment.View{plain}, []visit{{0, 0}, {1, 0}, {2, 0}, {3, 0}}, 4
	frozen, err := newFrozenEncoder(spec, encoder, onReference)
	require.NoError(t, err)
	defer frozen.machine.Close()
	copy(frozen.machine.Values(frozen.network.Images), loadAll(t, d)[0].pixels)
	got, err := frozen.features()
	require.NoError(t, err)
	want, err := Features(t.Context(), spec, images, encoder, onReference)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestLinearEvaluationWithAugmentationResumesExactly(t *testing.T) {
	spec := augmentedSpec()
	encoder := newPretrained(t, spec)
	uninterrupted, err := NewLinearAugmentedState(spec, tinyClasses)
	require.NoError(t, err)
	interrupted, err := NewLinearAugmentedState(spec, tinyClasses)
	require.NoError(t, err)
	withProcs(1, func() { augmentedEpochs(t, spec, encoder, uninterrupted, 2, onReference) })
	withProcs(3, func() {
		augmentedEpochs(t, spec, encoder, interrupted, 1, onReference)
		interrupted = reread(t, interrupted)
		augmentedEpochs(t, spec, reread(t, encoder), interrupted, 1, onReference)
	})
	require.Equal(t, written(t, uninterrupted), written(t, interrupted))
}

func TestLinearEvaluationWithAugmentationRefusesOtherStates(t *testing.T) {
	spec := augmentedSpec()
	encoder := newPretrained(t, spec)
	s, err := NewLinearAugmentedState(spec, tinyClasses)
	require.NoError(t, err)
	ctx := t.Context()
	_, err = LinearAugmentedEpoch(ctx, spec, tinyImages(3), encoder, s, onReference)
	require.ErrorIs(t, err, ErrTooFewImages)
	_, err = LinearAugmentedEpoch(ctx, spec, tinyImages(8), s, s, onReference)
	require.ErrorIs(t, err, ErrOtherState, "no encoder")
	_, err = FinetuneEpoch(ctx, spec, tinyImages(8), s, onReference)
	require.ErrorIs(t, err, ErrOtherState)
	spec.LinearAugmented.Optimizer.LearningRate *= 2
	_, err = LinearAugmentedEpoch(ctx, spec, tinyImages(8), encoder, s, onReference)
	require.ErrorIs(t, err, ErrOtherState)
}

// Linear evaluation, of either kind and on either machine, moves no tensor of the encoder by a bit: neither weights nor
// batch norm's running mean, running variance or count of batches.
func TestLinearEvaluationLeavesEveryTensorOfTheEncoder(t *testing.T) {
	for name, o := range map[string]Options{"reference": onReference, "cpu": onCPU} {
		t.Run(name, func(t *testing.T) {
			spec := augmentedSpec()
			encoder := newPretrained(t, spec)
			before := encoder.clone()
			counted := 0
			for _, tensor := range before.tensors {
				counted += len(tensor.Int64s)
			}
			require.Positive(t, counted, "num_batches_tracked is among them")

			images := tinyImages(12)
			features, err := Features(t.Context(), spec, images, encoder, o)
			require.NoError(t, err)
			x := Labelled{Features: features, Labels: images.Labels, Dim: 8 * 8}
			_, _, err = LinearEvaluation(t.Context(), spec, tinyClasses, x, x, o)
			require.NoError(t, err)
			require.Equal(t, before, encoder, "precomputed features")

			s, err := NewLinearAugmentedState(spec, tinyClasses)
			require.NoError(t, err)
			augmentedEpochs(t, spec, encoder, s, 2, o)
			require.Equal(t, before, encoder, "augmented images")
			require.Equal(t, written(t, before), written(t, encoder))
		})
	}
}
