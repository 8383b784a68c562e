package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"twinview/experiment"
)

// The next epoch goes to the worker that holds the state; when that one is gone, to any other.
func TestHandoverOnServer(t *testing.T) {
	c := startServer(t)
	f := &fakes{accuracies: []float64{0.3, 0.5, 0.4, 0.2}, queue: experiment.QueueTrainOf("first")}
	own := worker.New(c, f.queue, worker.Options{WorkerStopTimeout: time.Minute})
	f.registerTrain(own)
	require.NoError(t, own.Start())
	stopped := make(chan struct{})
	f.fail = func(ctx context.Context, name string, epoch int) error {
		if name == experiment.ActivityPretrainEpoch && epoch == 3 {
			go func() {
				own.Stop()
				close(stopped)
			}()
			<-activity.GetWorkerStopChannel(ctx)
		}
		return nil
	}
	startWorkers(t, c, f)
	spec := testSpec(t, 4, 2)
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	require.NoError(t, run.Get(t.Context(), nil))
	<-stopped
	require.Equal(t, []string{experiment.QueueTrain, f.queue, f.queue, experiment.QueueTrain}, f.queues)

	experimentRun := histories(t, c, spec.Name, run.GetRunID())[0]
	pretraining := histories(t, c, spec.Name+"/pretraining", firstRun(t, experimentRun, experiment.WorkflowPretraining))
	evaluation := histories(t, c, spec.Name+"/evaluation", firstRun(t, experimentRun, experiment.WorkflowEvaluation))
	save(t, "handover-pretraining", pretraining[0])
	save(t, "handover-evaluation", evaluation[0])
}

// Only a worker that does not take the epoch is passed over. What no retry helps fails there too.
func TestFailureAtTheWorkerThatHoldsTheState(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.4}, queue: experiment.QueueTrainOf("first")}
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == experiment.ActivityPretrainEpoch && epoch == 2 {
			return diverged()
		}
		return nil
	}
	spec := testSpec(t, 2, 1)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.Equal(t, experiment.ErrorDiverged, errorType(t, env.GetWorkflowError()))
	require.Equal(t, []string{"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2"}, f.seen())
}
