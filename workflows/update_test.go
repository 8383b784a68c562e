package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// People control an experiment on a real server, across the runs that pretraining goes on in, and find in its history what they
// did. With -record, the histories are kept.
func TestControlOnServer(t *testing.T) {
	c := startServer(t)
	f := &fakes{accuracies: []float64{-1, 0.3, -1, 0.4, -1, 0.5, -1, 0.6, -1, 0.7, -1, 0.8}}
	reached := make(chan string, 1)
	held := map[string]bool{
		call(experiment.ActivityPretrainEpoch, 2): true, call(experiment.ActivityPretrainEpoch, 9): true,
		call(experiment.ActivityFinetuneEpoch, 2): true,
	}
	f.fail = func(ctx context.Context, name string, epoch int) error {
		this := call(name, epoch)
		if !held[this] {
			return nil
		}
		held[this] = false
		reached <- this
		for ctx.Err() == nil {
			activity.RecordHeartbeat(ctx, nil)
			time.Sleep(20 * time.Millisecond)
		}
		return ctx.Err()
	}
	startWorkers(t, c, f)
	spec := testSpec(t, 8, 3)
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	change := func(update string, arguments ...any) (made experiment.Change, err error) {
		handle, err := c.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: spec.Name, UpdateName: update, Args: arguments, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(t.Context(), &made)
		}
		return made, err
	}
	refused := func(why, update string, arguments ...any) {
		t.Helper()
		_, err := change(update, arguments...)
		var application *temporal.ApplicationError
		require.True(t, errors.As(err, &application), "%v", err)
		require.Contains(t, application.Message(), why)
	}

	reported := func(epochs int) { // beside the next one
		t.Helper()
		require.Eventually(t, func() bool {
			answer, err := c.QueryWorkflow(t.Context(), spec.Name, "", experiment.QueryProgress)
			var p experiment.Progress
			return err == nil && answer.Get(&p) == nil && len(p.Pretrain) == epochs
		}, 10*time.Second, 10*time.Millisecond)
	}

	require.Equal(t, call(experiment.ActivityPretrainEpoch, 2), <-reached)
	reported(1)
	refused("is not paused", experiment.UpdateResume)
	refused("must be at least 1", experiment.UpdateExtend, experiment.Extension{Epochs: -3})
	paused, err := change(experiment.UpdatePause)
	require.NoError(t, err)
	require.Equal(t, 1, paused.Done)
	refused("is paused already", experiment.UpdatePause)
	extended, err := change(experiment.UpdateExtend, experiment.Extension{Epochs: 12})
	require.NoError(t, err)
	resumed, err := change(experiment.UpdateResume)
	require.NoError(t, err)

	require.Equal(t, call(experiment.ActivityPretrainEpoch, 9), <-reached)
	reported(8)
	stopped, err := change(experiment.UpdateStop)
	require.NoError(t, err)
	require.Equal(t, 8, stopped.Done)
	require.Equal(t, call(experiment.ActivityFinetuneEpoch, 2), <-reached)
	refused("pretraining has ended", experiment.UpdateExtend, experiment.Extension{Epochs: 20})
	last, err := change(experiment.UpdateStop)
	require.NoError(t, err)

	var result experiment.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, []experiment.Change{paused, extended, resumed, stopped, last}, result.Changes)
	require.Len(t, result.Pretrain, 8)
	require.Equal(t, []int{8, 8}, f.planned[:2], "the epoch under way is finished as it was planned")
	require.Equal(t, []int{12, 12, 12, 12, 12, 12}, f.planned[2:])
	require.Equal(t, 8, result.Best.Epoch)
	require.Len(t, result.Finetune.Epochs, 1)
	require.Equal(t, []experiment.UnfinishedEpoch{
		{Stage: experiment.StagePretrain, Epoch: 9}, {Stage: experiment.StageFinetune, Epoch: 2},
	}, f.unfinished)

	experimentRun := histories(t, c, spec.Name, run.GetRunID())[0]
	pretraining := histories(t, c, spec.Name+"/pretraining", firstRun(t, experimentRun, experiment.WorkflowPretraining))
	require.Greater(t, len(pretraining), 1, "pretraining continued as new")
	evaluation := histories(t, c, spec.Name+"/evaluation", firstRun(t, experimentRun, experiment.WorkflowEvaluation))
	save(t, "control-experiment", experimentRun)
	save(t, "control-pretraining-first", pretraining[0])
	save(t, "control-pretraining-last", pretraining[len(pretraining)-1])
	save(t, "control-evaluation", evaluation[0])

	_, err = change(experiment.UpdatePause)
	require.Error(t, err, "it has finished")
}

// A cancelled experiment, paused or not, ends as cancelled, and what its epoch left is removed.
func TestCancelledOnServer(t *testing.T) {
	c := startServer(t)
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	reached := make(chan struct{}, 1)
	f.fail = func(ctx context.Context, name string, epoch int) error {
		if name != experiment.ActivityPretrainEpoch || epoch != 2 {
			return nil
		}
		reached <- struct{}{}
		for ctx.Err() == nil {
			activity.RecordHeartbeat(ctx, nil)
			time.Sleep(20 * time.Millisecond)
		}
		return ctx.Err()
	}
	startWorkers(t, c, f)
	spec := testSpec(t, 2, 1)
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	<-reached
	require.NoError(t, c.CancelWorkflow(t.Context(), spec.Name, ""))
	require.True(t, temporal.IsCanceledError(run.Get(t.Context(), nil)))
	require.Equal(t, []experiment.UnfinishedEpoch{{Stage: experiment.StagePretrain, Epoch: 2}}, f.unfinished)

	experimentRun := histories(t, c, spec.Name, run.GetRunID())[0]
	save(t, "cancelled-experiment", experimentRun)
	save(t, "cancelled-pretraining",
		histories(t, c, spec.Name+"/pretraining", firstRun(t, experimentRun, experiment.WorkflowPretraining))[0])
}
