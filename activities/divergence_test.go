package activities

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
	"twinview/train"
)

// divergent is the first epoch of a spec that diverges unless its rates are reduced to what another has, which it returns too.
func divergent(t *testing.T, s *memory) (in, tame experiment.PretrainEpochInput) {
	t.Helper()
	spec := tinySpec()
	spec.Dataset.TrainImages, spec.Checkpoints.EverySeconds = 50, 1e-9
	tame = experiment.PretrainEpochInput{Spec: spec, Data: prepare(t, s, spec), Epoch: 1}
	in = tame
	const much = 1 << 60 // a power of two, which rounds nothing
	in.Spec.Pretrain.Optimizer.LearningRate *= much
	in.Spec.Pretrain.Divergence = &experiment.Divergence{RateFactor: 1. / much}
	return in, tame
}

// retryOf runs the epoch, which diverges, and returns what the workflow makes of that.
func retryOf(t *testing.T, s *memory, in experiment.PretrainEpochInput) *experiment.Retry {
	t.Helper()
	_, err := run[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityPretrainEpoch, in)
	requireType(t, err, experiment.ErrorDiverged, false)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var d experiment.Diverged
	require.NoError(t, application.Details(&d))
	require.Equal(t, 1, d.Epoch)
	require.Positive(t, d.Step)
	return &experiment.Retry{Diverged: d, RateFactor: in.Spec.Pretrain.Divergence.RateFactor}
}

// The try with smaller rates knows nothing of the one that diverged, and is what a spec with such rates would have been. A
// worker that dies on the way costs no bit, and the next epoch goes on with the same rates.
func TestDivergedEpochIsTrainedAgainWithSmallerRates(t *testing.T) {
	s, other := newMemory(), newMemory()
	in, tame := divergent(t, s)
	prepare(t, other, tame.Spec)
	first := pretrainOn(t, newActivities(t, other), tame)
	tame.Epoch, tame.From = 2, &first.Checkpoint
	second := pretrainOn(t, newActivities(t, other), tame)

	// The try that diverges leaves a checkpoint inside the epoch, which the next must not go on from.
	dying := newActivities(t, s)
	dying.diesAfter(2)
	_, err := run[experiment.PretrainEpoch](t, dying, experiment.ActivityPretrainEpoch, in)
	require.Error(t, err)
	in.Retry = retryOf(t, s, in)
	require.NotEmpty(t, s.keys(partialFolder))
	dying = newActivities(t, s)
	dying.diesAfter(5)
	_, err = run[experiment.PretrainEpoch](t, dying, experiment.ActivityPretrainEpoch, in)
	require.Error(t, err)

	again := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, first.Loss, again.Loss)
	require.Equal(t, first.LearningRate, again.LearningRate)
	requireSameTensors(t, other.objects[first.Checkpoint.Key], s.objects[again.Checkpoint.Key])
	require.Equal(t, again, pretrainOn(t, idle(t, s), in), "it is recorded")
	for key := range s.keys("experiments/tiny/pretrain/") {
		require.NotContains(t, key, ".partial/")
	}

	in.Epoch, in.From = 2, &again.Checkpoint
	next := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, second.Loss, next.Loss)
	requireSameTensors(t, other.objects[second.Checkpoint.Key], s.objects[next.Checkpoint.Key])
	require.NotEqual(t, epochKey("tiny", experiment.StagePretrain, 2), next.Checkpoint.Key)
}

func requireSameTensors(t *testing.T, want, got []byte) {
	t.Helper()
	a, err := train.ReadState(bytes.NewReader(want))
	require.NoError(t, err)
	b, err := train.ReadState(bytes.NewReader(got))
	require.NoError(t, err)
	require.Equal(t, a.StateDict(), b.StateDict())
}

// A state of the one try is refused in the other.
func TestTriesAreNotMixedUp(t *testing.T) {
	s := newMemory()
	in, tame := divergent(t, s)
	in.Retry = &experiment.Retry{Diverged: experiment.Diverged{Epoch: 2}, RateFactor: 0.5}
	done := pretrainOn(t, newActivities(t, s), tame)
	tame.Epoch, tame.From = 2, &done.Checkpoint
	tame.Retry = &experiment.Retry{Diverged: experiment.Diverged{Epoch: 1}, RateFactor: 0.5}
	_, err := run[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityPretrainEpoch, tame)
	requireType(t, err, experiment.ErrorConflict, false)
	require.ErrorContains(t, err, "multiplied by 1, but 0.5")
	require.False(t, errors.Is(err, train.ErrDiverged))
}
