package workflows

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// divergedIn is what the real activity returns when an epoch diverges.
func divergedIn(epoch int) error {
	d := experiment.Diverged{Epoch: epoch, Step: 10*epoch - 3, Loss: "NaN"}
	return temporal.NewNonRetryableApplicationError("training diverged", experiment.ErrorDiverged, nil, d)
}

// diverging lets an epoch diverge that has not been given smaller learning rates.
func diverging(epoch int) *fakes {
	f := &fakes{accuracies: []float64{0.3, 0.5, 0.4, 0.2}}
	f.failPretrain = func(in experiment.PretrainEpochInput) error {
		if in.Epoch == epoch && in.Retry == nil {
			return divergedIn(epoch)
		}
		return nil
	}
	return f
}

func divergentSpec(t *testing.T) experiment.Spec {
	t.Helper()
	spec := testSpec(t, 4, 1)
	require.NoError(t, experiment.Set(&spec, "pretrain.divergence.rate_factor=0.25"))
	return spec
}

// The epoch that diverged is trained again from the checkpoint before it, and it and all behind it know of that.
func TestDivergenceIsTriedAgainWithSmallerRates(t *testing.T) {
	for epoch := 1; epoch <= 4; epoch++ {
		t.Run(fmt.Sprint(epoch), func(t *testing.T) {
			f := diverging(epoch)
			spec := divergentSpec(t)
			env := newEnvironment(f, spec.Name)
			env.ExecuteWorkflow(Experiment, spec)
			require.NoError(t, env.GetWorkflowError())
			var r experiment.Result
			require.NoError(t, env.GetWorkflowResult(&r))
			want := &experiment.Retry{
				Diverged: experiment.Diverged{Epoch: epoch, Step: 10*epoch - 3, Loss: "NaN"}, RateFactor: 0.25,
			}
			require.Len(t, r.Pretrain, 4)
			require.Equal(t, want, experiment.Retried(r.Pretrain))
			require.Equal(t, want, r.Pretrain[epoch-1].Retry)
			require.Len(t, f.retries, 5)
			for i, got := range f.retries { // of the epochs in the order in which they were begun
				if i < epoch {
					require.Nil(t, got)
				} else {
					require.Equal(t, want, got)
				}
			}
			value, err := env.QueryWorkflow(experiment.QueryProgress)
			require.NoError(t, err)
			var p experiment.Progress
			require.NoError(t, value.Get(&p))
			require.Equal(t, want, p.Retry)
		})
	}
}

// Once: where smaller rates do not help, or the spec does not allow them, it fails.
func TestSecondDivergenceFails(t *testing.T) {
	f := diverging(2)
	f.failPretrain = func(in experiment.PretrainEpochInput) error {
		if in.Epoch == 2 && in.Retry == nil || in.Epoch == 3 {
			return divergedIn(in.Epoch)
		}
		return nil
	}
	spec := divergentSpec(t)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.Equal(t, experiment.ErrorDiverged, errorType(t, env.GetWorkflowError()))
	require.Equal(t, []string{
		"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2", "PretrainEpoch 2", "PretrainEpoch 3",
	}, f.seen())

	f = diverging(2)
	spec.Pretrain.Divergence = nil
	env = newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.Equal(t, experiment.ErrorDiverged, errorType(t, env.GetWorkflowError()))
	require.Equal(t, []string{"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2"}, f.seen())
}

// A new run of the workflow knows of the divergence, and so does an experiment that goes back to pretraining for a lost
// checkpoint.
func TestRetryIsNotForgotten(t *testing.T) {
	f := diverging(2)
	spec := divergentSpec(t)
	in := PretrainingInput{
		Spec: spec, Epochs: []experiment.PretrainEpoch{f.pretrained(1)},
		Retry: &experiment.Retry{Diverged: experiment.Diverged{Epoch: 2}, RateFactor: 0.25},
	}
	env := newEnvironment(f, "test/pretraining")
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(Pretraining, in)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	var carried PretrainingInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	require.Equal(t, in, carried)

	f = diverging(2)
	f.whileDamaged(experiment.ActivityEvaluateTest, 0, artifact("p2"))
	env = newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Len(t, f.rollBacks, 1)
	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.NotNil(t, r.Pretrain[1].Retry)
	require.Len(t, f.retries, 1+4+3, "epoch 2 did not diverge again")
}

// TestRetryOnServer records how pretraining goes on after a divergence.
func TestRetryOnServer(t *testing.T) {
	c := startServer(t)
	f := diverging(2)
	startWorkers(t, c, f)
	spec := divergentSpec(t)
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	var result experiment.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.NotNil(t, experiment.Retried(result.Pretrain))

	experimentRun := histories(t, c, spec.Name, run.GetRunID())[0]
	pretraining := histories(t, c, spec.Name+"/pretraining", firstRun(t, experimentRun, experiment.WorkflowPretraining))
	save(t, "retry-experiment", experimentRun)
	save(t, "retry-pretraining", pretraining[0])
}
