package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// ablationSpec has two arms of two epochs.
func ablationSpec(t *testing.T) experiment.Spec {
	t.Helper()
	spec := testSpec(t, 1, 1)
	require.NoError(t, experiment.Set(&spec, "ablation.label_fractions=[0.1]"))
	spec.Ablation.Epochs = 2
	require.NoError(t, spec.Validate())
	return spec
}

func TestAblationTrainsEachArm(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3}}
	spec := ablationSpec(t)
	env := newEnvironment(f, spec.Name)
	var during experiment.Progress
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == "ablation/scratch-0.1" && epoch == 2 {
			during = query(t, env)
		}
		return nil
	}
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{
		"FinetuneEpoch 1", "SelectFinetuned",
		"ablation/pretrained-0.1 1", "ablation/pretrained-0.1 2", "ablation/scratch-0.1 1", "ablation/scratch-0.1 2",
		"EvaluateTest", "WriteReport",
	}, f.seen()[4:])
	require.Equal(t, []string{"p1", "ablation/pretrained-0.1/1", "", "ablation/scratch-0.1/1"}, f.froms[3:])
	require.Equal(t, []string{"ablation/pretrained-0.1/2", "ablation/scratch-0.1/2"}, f.pruned)
	for _, arm := range f.tested.Ablation {
		require.Nil(t, arm.Test, "nothing has read the test split before EvaluateTest")
		require.Equal(t, 1, arm.Best.Epoch, "the earliest of equals")
	}

	require.Equal(t, experiment.StageAblation, during.Stage)
	require.Equal(t, 2, during.AblationEpochs)
	require.Len(t, during.Ablation, 2)
	require.Len(t, during.Ablation[1].Epochs, 1)

	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Len(t, r.Ablation, 2)
	require.Equal(t, experiment.Arm{Fraction: 0.1, Start: experiment.FromScratch}, r.Ablation[1].Arm)
	require.Equal(t, 9, r.Ablation[1].Labels, "of 90 training images")
	require.Equal(t, 0.1, r.Ablation[1].Test.Accuracy)
	require.Equal(t, r.Ablation, f.reported.Result.Ablation)
}

func TestAblationGoesOnInANewRun(t *testing.T) {
	f := &fakes{}
	checkpoint := artifact("f1")
	in := EvaluationInput{
		Spec: ablationSpec(t), Best: experiment.Selection{Epoch: 1, Checkpoint: artifact("p1")},
		Linear:       &experiment.Classification{Epochs: []experiment.ClassifierEpoch{{Epoch: 1}}},
		Finetune:     []experiment.ClassifierEpoch{{Epoch: 1, Checkpoint: &checkpoint}},
		FinetuneBest: &experiment.Selection{Epoch: 1, Checkpoint: checkpoint},
		Ablation: []experiment.AblationArm{{
			Arm:    experiment.Arm{Fraction: 0.1, Start: experiment.FromPretrained},
			Epochs: []experiment.ClassifierEpoch{{Epoch: 1, Checkpoint: &checkpoint}},
		}},
	}
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
		"ablation/pretrained-0.1 2", "ablation/scratch-0.1 1", "ablation/scratch-0.1 2", "EvaluateTest",
	}, f.seen(), "nothing is repeated")
}
