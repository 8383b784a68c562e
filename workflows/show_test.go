package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"twinview/attribute"
	"twinview/experiment"
)

// indexed lets the environment's experiment begin with search attributes, and collects what they become.
func indexed(t *testing.T, env *testsuite.TestWorkflowEnvironment, spec experiment.Spec) *[]attribute.Values {
	t.Helper()
	start := attribute.Submitted(spec).All()
	require.NoError(t, env.SetTypedSearchAttributesOnStart(start))
	seen := []attribute.Values{}
	all := start
	env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		all = temporal.NewSearchAttributes(all.Copy(), args.Get(0).(temporal.SearchAttributes).Copy())
		v, ok := attribute.Of(all)
		require.True(t, ok)
		seen = append(seen, v)
	}).Return(nil)
	return &seen
}

func TestSearchAttributesFollowTheExperiment(t *testing.T) {
	f := &fakes{accuracies: []float64{-1, 0.3, 0.2}}
	spec := testSpec(t, 3, 2)
	env := newEnvironment(f, spec.Name)
	seen := indexed(t, env, spec)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	of := func(stage string, loss, best float64) attribute.Values {
		v := attribute.Values{Method: "simclr", Encoder: "resnet18", Dataset: "cifar10", Stage: stage}
		if loss > 0 {
			v.Loss = &loss
		}
		if best > 0 {
			v.BestAccuracy = &best
		}
		return v
	}
	require.Equal(t, []attribute.Values{
		of("pretrain", 0, 0), of("pretrain", 5, 0), of("pretrain", 2.5, 0.3), of("pretrain", 5./3, 0.3), of("select", 5./3, 0.3),
		of("linear", 5./3, 0.3), of("finetune", 5./3, 0.5), of("finetune", 5./3, 0.6), of("test", 5./3, 0.6),
		of("report", 5./3, 0.6), of("done", 5./3, 0.6),
	}, *seen, "no update without a change")
}

func TestSearchAttributesSayThatItIsPaused(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3}}
	spec := testSpec(t, 1, 0)
	env := newEnvironment(f, spec.Name)
	seen := indexed(t, env, spec)
	var paused, resumed answer
	env.RegisterDelayedCallback(func() { update(env, &paused, experiment.UpdatePause) }, 0)
	env.RegisterDelayedCallback(func() { update(env, &resumed, experiment.UpdateResume) }, time.Hour)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.NoError(t, errors.Join(paused.err, resumed.err))
	require.True(t, (*seen)[0].Paused)
	require.False(t, (*seen)[len(*seen)-1].Paused)
}

func TestSearchAttributesSayThatItHasDiverged(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3}}
	f.fail = func(_ context.Context, name string, _ int) error {
		if name == experiment.ActivityPretrainEpoch {
			return diverged()
		}
		return nil
	}
	spec := testSpec(t, 1, 0)
	env := newEnvironment(f, spec.Name)
	seen := indexed(t, env, spec)
	env.ExecuteWorkflow(Experiment, spec)
	require.Error(t, env.GetWorkflowError())
	last := (*seen)[len(*seen)-1]
	require.True(t, last.Diverged)
	require.Equal(t, experiment.StagePretrain, last.Stage)
}

// A server that has not been told of the attributes refuses a workflow that sets them.
func TestNoSearchAttributesWhereItBeganWithout(t *testing.T) {
	spec := testSpec(t, 1, 1)
	env := newEnvironment(&fakes{accuracies: []float64{0.3}}, spec.Name)
	env.OnUpsertTypedSearchAttributes(mock.Anything).Panic("there are none")
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
}

// TestSearchAttributesOnServer records an experiment that has some, with a pause.
func TestSearchAttributesOnServer(t *testing.T) {
	c := startServer(t)
	_, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: "default", SearchAttributes: attribute.Kinds(),
	})
	require.NoError(t, err)
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	f.fail = func(ctx context.Context, name string, epoch int) error {
		if name != experiment.ActivityPretrainEpoch || epoch != 1 {
			return nil
		}
		handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: "test", UpdateName: experiment.UpdateExtend, Args: []any{experiment.Extension{Epochs: 2}},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		require.NoError(t, err)
		return handle.Get(ctx, nil)
	}
	startWorkers(t, c, f)
	spec := testSpec(t, 3, 1)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: spec.Name, TaskQueue: experiment.QueueGeneral, TypedSearchAttributes: attribute.Submitted(spec).All(),
	}, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	require.NoError(t, run.Get(t.Context(), nil))
	description, err := c.DescribeWorkflow(t.Context(), spec.Name, "")
	require.NoError(t, err)
	v, ok := attribute.Of(description.TypedSearchAttributes)
	require.True(t, ok)
	require.Equal(t, attribute.Values{
		Method: "simclr", Encoder: "resnet18", Dataset: "cifar10", Stage: "done", Loss: new(2.5), BestAccuracy: new(0.6),
	}, v)
	save(t, "attributes", histories(t, c, spec.Name, run.GetRunID())[0])
}
