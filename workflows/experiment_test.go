package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"twinview/experiment"
)

// newEnvironment has the workflows and f's activities, and the ID that spec's experiment must have.
func newEnvironment(f *fakes, name string) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: name, TaskQueue: experiment.QueueGeneral})
	Register(env)
	f.register(env)
	return env
}

func TestExperimentGoesThroughItsStagesInOrder(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5, 0.4}}
	var beforeRemoval []string
	f.fail = func(_ context.Context, name string, _ int) error {
		if name == experiment.ActivityPruneCheckpoints {
			calls := f.seen()
			beforeRemoval = append(beforeRemoval, calls[len(calls)-1])
		}
		return nil
	}
	spec := testSpec(t, 3, 2)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{
		"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2", "PretrainEpoch 3", "SelectCheckpoint",
		"EvaluateLinear", "FinetuneEpoch 1", "FinetuneEpoch 2", "SelectFinetuned", "EvaluateTest", "WriteReport",
	}, f.seen())
	require.Equal(t, "WriteReport", beforeRemoval[1], "what the report is made of stays until then")
	require.Equal(t, []string{"", "p1", "p2", "p2", "p2", "f1"}, f.froms,
		"each epoch starts from the one before; evaluation from the selected epoch")
	require.Equal(t, []string{"p1", "f2"}, f.pruned)

	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Equal(t, 2, r.Best.Epoch)
	require.Len(t, r.Pretrain, 3)
	require.Equal(t, 0.2, *r.Linear.Epochs[1].TestAccuracy)
	require.Equal(t, 1.0, *r.Finetune.Epochs[0].TestLoss)
	require.Equal(t, 0.45, r.Test.KNNAccuracy)
	require.Contains(t, r.Artifacts, "metrics.json")
	require.Equal(t, r.Finetune, f.reported.Result.Finetune, "the report gets the filled curves")
	for _, e := range f.tested.Finetune.Epochs {
		require.Nil(t, e.TestAccuracy, "nothing has read the test split before EvaluateTest")
	}
}

func TestProtocolsOfNoEpochsAreLeftOut(t *testing.T) {
	for _, test := range []struct {
		linear, finetune int
		want             []string
	}{
		{0, 0, []string{"EvaluateTest"}},
		{2, 0, []string{"EvaluateLinear", "EvaluateTest"}},
		{0, 1, []string{"FinetuneEpoch 1", "SelectFinetuned", "EvaluateTest"}},
	} {
		t.Run(fmt.Sprint(test.linear, test.finetune), func(t *testing.T) {
			f := &fakes{accuracies: []float64{0.3}}
			spec := testSpec(t, 1, test.finetune)
			spec.Linear.Epochs = test.linear
			env := newEnvironment(f, spec.Name)
			stages := map[string]string{}
			f.fail = func(_ context.Context, name string, _ int) error {
				stages[name] = query(t, env).Stage
				return nil
			}
			env.ExecuteWorkflow(Experiment, spec)
			require.NoError(t, env.GetWorkflowError())
			calls := f.seen()
			require.Equal(t, test.want, calls[3:len(calls)-1])
			require.Equal(t, experiment.StageTest, stages[experiment.ActivityEvaluateTest])
			if test.linear == 0 && test.finetune > 0 {
				require.Equal(t, experiment.StageFinetune, stages[experiment.ActivityFinetuneEpoch])
			}
			p := query(t, env)
			require.Equal(t, test.linear == 0, p.Linear == nil)
			require.Equal(t, test.finetune, len(p.Result.Finetune.Epochs))
			require.Equal(t, 0.45, p.Result.Test.KNNAccuracy, "kNN is always tested")
		})
	}
}

func TestFailedEpochIsTriedAgain(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.4}}
	failures := 0
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == experiment.ActivityPretrainEpoch && epoch == 2 && failures < 3 {
			failures++
			return errors.New("connection refused")
		}
		return nil
	}
	spec := testSpec(t, 2, 1)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{
		"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2", "PretrainEpoch 2", "PretrainEpoch 2", "PretrainEpoch 2",
	}, f.seen()[:6])
}

func TestErrorsThatNoRetryHelpsEndTheExperiment(t *testing.T) {
	for _, kind := range experiment.NonRetryableErrors() {
		t.Run(kind, func(t *testing.T) {
			f := &fakes{accuracies: []float64{0.3, 0.4}}
			f.fail = func(_ context.Context, name string, epoch int) error {
				if name == experiment.ActivityPretrainEpoch && epoch == 2 {
					return temporal.NewApplicationError("no use", kind)
				}
				return nil
			}
			spec := testSpec(t, 2, 1)
			env := newEnvironment(f, spec.Name)
			env.ExecuteWorkflow(Experiment, spec)
			require.Equal(t, kind, errorType(t, env.GetWorkflowError()))
			require.ErrorContains(t, env.GetWorkflowError(), "pretrain, epoch 2 of 2 failed: no use")
			require.Equal(t, []string{"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2"}, f.seen())
			require.Equal(t, experiment.StagePretrain, query(t, env).Stage)
		})
	}
}

func errorType(t *testing.T, err error) string {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	return application.Type()
}

func TestBadSpecIsRefusedBeforeAnythingRuns(t *testing.T) {
	f := &fakes{}
	spec := testSpec(t, 1, 1)
	spec.Method.Temperature = 0
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.Equal(t, experiment.ErrorBadSpec, errorType(t, env.GetWorkflowError()))
	require.ErrorContains(t, env.GetWorkflowError(), "temperature")
	require.Empty(t, f.seen())
}

func TestWorkflowIDMustBeTheName(t *testing.T) {
	f := &fakes{}
	env := newEnvironment(f, "other")
	env.ExecuteWorkflow(Experiment, testSpec(t, 1, 1))
	require.Equal(t, experiment.ErrorBadSpec, errorType(t, env.GetWorkflowError()))
	require.ErrorContains(t, env.GetWorkflowError(), "other")
	require.Empty(t, f.seen())
}

func TestQueryShowsEachEpochAsItEnds(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	spec := testSpec(t, 2, 2)
	env := newEnvironment(f, spec.Name)
	seen := map[string]experiment.Progress{}
	f.fail = func(_ context.Context, name string, epoch int) error {
		if epoch != 1 {
			seen[name] = query(t, env)
		}
		return nil
	}
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())

	p := seen[experiment.ActivityPretrainEpoch]
	require.Equal(t, experiment.StagePretrain, p.Stage)
	require.Equal(t, 2, p.PretrainEpochs)
	require.Len(t, p.Pretrain, 1)
	require.Equal(t, 90, p.Data.Train)
	require.Nil(t, p.Best)

	p = seen[experiment.ActivityFinetuneEpoch]
	require.Equal(t, experiment.StageFinetune, p.Stage)
	require.Len(t, p.Pretrain, 2)
	require.Equal(t, 2, p.Best.Epoch)
	require.Equal(t, 2, p.Linear.Best.Epoch)
	require.Len(t, p.Finetune, 1)

	require.Equal(t, experiment.StageTest, seen[experiment.ActivityEvaluateTest].Stage)
	require.Equal(t, experiment.StageReport, seen[experiment.ActivityWriteReport].Stage)
	p = query(t, env)
	require.Equal(t, experiment.StageDone, p.Stage)
	require.NotNil(t, p.Result)
	require.Len(t, p.Pretrain, 2)
	require.Len(t, p.Finetune, 2)
}

func query(t *testing.T, env *testsuite.TestWorkflowEnvironment) experiment.Progress {
	t.Helper()
	answer, err := env.QueryWorkflow(experiment.QueryProgress)
	require.NoError(t, err)
	var p experiment.Progress
	require.NoError(t, answer.Get(&p))
	return p
}

func TestCancellationEndsTheRunningEpoch(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	spec := testSpec(t, 2, 1)
	env := newEnvironment(f, spec.Name)
	f.fail = func(ctx context.Context, name string, epoch int) error {
		if name != experiment.ActivityPretrainEpoch || epoch != 2 {
			return nil
		}
		env.CancelWorkflow()
		<-ctx.Done()
		return ctx.Err()
	}
	env.ExecuteWorkflow(Experiment, spec)
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
	require.Equal(t, []string{"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2"}, f.seen())
	require.Equal(t, []experiment.UnfinishedEpoch{{Stage: experiment.StagePretrain, Epoch: 2}}, f.unfinished,
		"what it left inside the epoch goes")
}
