package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// Epochs done stay as they are, and those that follow take the learning rates of the new number of epochs.
func TestExtendedPretrainingFollowsTheNewSchedule(t *testing.T) {
	short, long := tinySpec(experiment.SimCLR), tinySpec(experiment.SimCLR)
	long.Pretrain.Epochs = 6
	s, err := NewPretrainState(short)
	require.NoError(t, err)
	before := pretrain(t, short, s, 2)
	extended := *short
	extended.Pretrain = short.Pretrain.Replanned(2, 6)
	// As another worker finds it: a checkpoint from before the change.
	s = reread(t, s)
	after := pretrain(t, &extended, s, 4)

	steps := 10 / short.Pretrain.BatchSize
	for i, stats := range append(before, after...) {
		spec := long
		if i < 2 {
			spec = short
		}
		last := newSchedule(spec.Pretrain.Schedule, spec.Pretrain.Optimizer.LearningRate, spec.Pretrain.Epochs, steps)
		require.Equal(t, last.at((i+1)*steps-1), stats.LearningRate, "epoch %d", i+1)
	}

	// The spec with its earlier plan repeats all of it.
	again, err := NewPretrainState(&extended)
	require.NoError(t, err)
	pretrain(t, &extended, again, 6)
	require.Equal(t, written(t, s), written(t, again))
}

// An epoch is finished under the plan that it was begun under, wherever it is cut.
func TestExtendedPretrainingStopsInsideAnEpoch(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	run := pretrainingOf(spec)
	_, err = run(t.Context(), tinyImages(14), s, onReference)
	require.NoError(t, err)

	extended := *spec
	extended.Pretrain = spec.Pretrain.Replanned(1, 9)
	inside := run.stopAfter(t, tinyImages(14), s, onReference, 2)
	require.NoError(t, inside.Of(spec))
	require.ErrorIs(t, inside.Of(&extended), ErrOtherState, "it is inside an epoch of the plan before")
	require.NoError(t, s.Of(&extended), "the one before was trained under that plan")

	pretrainingOf(&extended).requireStops(t, tinyImages(14), s, onReference, 3)
	whole := *spec
	whole.Pretrain = spec.Pretrain.Replanned(2, 9)
	_, err = run(t.Context(), tinyImages(14), inside, onReference)
	require.NoError(t, err)
	require.NoError(t, inside.Of(&whole))
	require.ErrorIs(t, inside.Of(&extended), ErrOtherState)

	longer := *spec
	longer.Pretrain.Epochs = 9
	require.ErrorIs(t, s.Of(&longer), ErrOtherState, "without the earlier plan it is another spec")
}

// What is trained from the encoder of an extended pretraining knows it under the plan of its epoch.
func TestFinetuningAfterAnExtension(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	extended := *spec
	extended.Pretrain = spec.Pretrain.Replanned(1, 9)
	_, err := NewFinetuneState(&extended, tinyClasses, s)
	require.NoError(t, err)
}
