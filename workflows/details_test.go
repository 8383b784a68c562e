package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/testsuite"

	"twinview/experiment"
)

// What the web UI shows of an experiment that has ended is all that there is to know, with where its files are.
func TestDetailsOfAnExperiment(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	f.whileDamaged(experiment.ActivitySelectCheckpoint, 0, artifact("p2"))
	f.artifactsURL = "https://files.lab/simclr/"
	spec := testSpec(t, 2, 2)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	text := currentDetails(t, env)
	for _, want := range []string{
		"**test** · simclr · resnet18 · cifar10", "Stage **done** since ", "best validation accuracy **60.00 %**",
		"UTC: p2 can't be read back: pretrain went back to epoch 1\n", "### Pretraining: 2 of 2 epochs",
		"| 2 | 2.5000 | 50.00 % | 0 | 0.0 s |", "Selected: epoch 2, validation kNN accuracy 50.00 %", "| kNN | 45.00 % |",
		"| linear evaluation | 20.00 % |", "| fine-tuning | 20.00 % |", "`starter get test --out test`",
		"| metrics.json | [metrics.json](https://files.lab/simclr/metrics.json) | 12 B |",
	} {
		require.Contains(t, text, want)
	}
}

func TestDetailsWhileItRuns(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	spec := testSpec(t, 2, 1)
	env := newEnvironment(f, spec.Name)
	var text string
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == experiment.ActivityPretrainEpoch && epoch == 2 {
			text = currentDetails(t, env)
		}
		return nil
	}
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Contains(t, text, "Stage **pretrain, epoch 2 of 2** since ")
	require.Contains(t, text, "`starter watch test`")
	require.Contains(t, text, "| newest checkpoint of pretraining | `p1` | 2 B |")
}

// currentDetails are those that the web UI would ask for now.
func currentDetails(t *testing.T, env *testsuite.TestWorkflowEnvironment) string {
	t.Helper()
	answer, err := env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdk.WorkflowMetadata
	require.NoError(t, answer.Get(&metadata))
	return metadata.GetCurrentDetails()
}
