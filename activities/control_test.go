package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"twinview/experiment"
)

// cancelledAfter runs an epoch that Temporal cancels after a number of its steps.
func (a *Activities) cancelledAfter(t *testing.T, in experiment.PretrainEpochInput, steps int) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	a.onMachines(func(runs int) error {
		if runs == steps {
			cancel(temporal.NewCanceledError())
		}
		return nil
	})
	env := newEnvironment(a)
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	_, err := env.ExecuteActivity(experiment.ActivityPretrainEpoch, in)
	return err
}

// An epoch that is cancelled, because its experiment is paused, leaves a checkpoint behind its present step. Another activity goes
// on from there in the same bits.
func TestCancelledEpochGoesOn(t *testing.T) {
	s := newMemory()
	in, want := longEpoch(t, s, 3600)
	err := newActivities(t, s).cancelledAfter(t, in, 4)
	require.Error(t, err)
	require.Len(t, s.keys(partialFolder), 2, "a checkpoint and its manifest")
	require.Equal(t, 6, requireSame(t, s, newActivities(t, s), in, experiment.Heartbeat{}, want))
}

// Where the experiment is not to go on with the epoch, its workflow has what is inside it removed.
func TestGivenUpEpochIsRemoved(t *testing.T) {
	s := newMemory()
	in, _ := longEpoch(t, s, 3600)
	require.Error(t, newActivities(t, s).cancelledAfter(t, in, 4))
	request := experiment.PruneCheckpointsInput{
		Experiment: in.Spec.Name, Unfinished: &experiment.UnfinishedEpoch{Stage: experiment.StagePretrain, Epoch: 2},
	}
	prune := func() {
		_, err := newEnvironment(newActivities(t, s)).ExecuteActivity(experiment.ActivityPruneCheckpoints, request)
		require.NoError(t, err)
	}
	prune()
	require.Len(t, s.keys(partialFolder), 2, "it is another epoch's")
	request.Unfinished.Epoch = 1
	for range 2 {
		prune()
		require.Empty(t, s.keys(partialFolder))
	}
}

// What a failed experiment left inside an epoch of another plan is passed over.
func TestCheckpointOfAnotherPlanIsPassedOver(t *testing.T) {
	s := newMemory()
	in, _ := longEpoch(t, s, 3600)
	first := pretrainOn(t, newActivities(t, s), in)
	in.Epoch, in.From = 2, &first.Checkpoint
	want := pretrainOn(t, newActivities(t, s), in)
	for _, key := range []string{want.Checkpoint.Key, recordKey(want.Checkpoint.Key)} {
		require.NoError(t, s.Remove(t.Context(), key))
	}
	extended := in
	extended.Spec.Pretrain = in.Spec.Pretrain.Replanned(1, 9)
	require.Error(t, newActivities(t, s).cancelledAfter(t, extended, 4))
	got := pretrainOn(t, newActivities(t, s), in)
	require.Equal(t, want.Checkpoint, got.Checkpoint)
	require.Equal(t, 2, got.Planned)
}

// The last epoch of a pretraining that ended early gets the figure that it would have had as the planned last one.
func TestMonitorEpoch(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	trained := pretrainOn(t, newActivities(t, s), in)
	require.Nil(t, trained.KNN)
	request := experiment.MonitorEpochInput{Spec: in.Spec, Data: in.Data, Epoch: trained}
	got := must[experiment.PretrainEpoch](t, newActivities(t, s), experiment.ActivityMonitorEpoch, request)
	require.Positive(t, got.KNNSeconds)

	other := newMemory()
	in.Spec.KNN.EveryEpochs = 1
	in.Data = prepare(t, other, in.Spec)
	require.Equal(t, pretrainOn(t, newActivities(t, other), in).KNN, got.KNN)
	got.KNN, got.KNNSeconds = nil, 0
	require.Equal(t, trained, got, "nothing else changes")
}
