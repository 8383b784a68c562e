package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

func TestEvaluationGoesOnInANewRun(t *testing.T) {
	f := &fakes{}
	in := EvaluationInput{Spec: testSpec(t, 1, 2), Best: experiment.Selection{Epoch: 1, Checkpoint: artifact("p1")}}
	env := newEnvironment(f, "test/evaluation")
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(Evaluation, in)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	var carried EvaluationInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))

	env = newEnvironment(f, "test/evaluation")
	env.ExecuteWorkflow(Evaluation, carried)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{
		"EvaluateLinear", "FinetuneEpoch 1", "FinetuneEpoch 2", "SelectFinetuned", "EvaluateTest",
	}, f.seen(), "linear evaluation is not repeated")
}

func TestMissingTestScoreIsAnError(t *testing.T) {
	err := fillTest(make([]experiment.ClassifierEpoch, 2), make([]experiment.TestScore, 1))
	require.ErrorContains(t, err, "2 epochs but 1 test scores")
}

func TestLinearEvaluationWithAugmentation(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3}}
	spec := testSpec(t, 1, 0)
	require.NoError(t, experiment.Set(&spec, "linear_augmented.epochs=2"))
	env := newEnvironment(f, spec.Name)
	var during experiment.Progress
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == experiment.ActivityLinearAugmentedEpoch && epoch == 2 {
			during = query(t, env)
		}
		return nil
	}
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{
		"EvaluateLinear", "LinearAugmentedEpoch 1", "LinearAugmentedEpoch 2", "SelectLinearAugmented", "EvaluateTest",
	}, f.seen()[3:8])
	require.Equal(t, []string{"", "l1"}, f.froms[2:])
	require.Equal(t, []string{"l2"}, f.pruned)
	require.Equal(t, experiment.StageLinearAugmented, during.Stage)
	require.Equal(t, 2, during.LinearAugmentedEpochs)
	require.Len(t, during.LinearAugmented, 1)
	for _, e := range f.tested.LinearAugmented.Epochs {
		require.Nil(t, e.TestAccuracy, "nothing has read the test split before EvaluateTest")
	}
	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Equal(t, 1, r.LinearAugmented.Best.Epoch)
	require.Equal(t, 0.3, *r.LinearAugmented.Epochs[0].TestAccuracy)
}
