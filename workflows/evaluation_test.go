package workflows

import (
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
