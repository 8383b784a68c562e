package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

func TestPretrainingGoesOnInANewRun(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5, 0.4}}
	in := PretrainingInput{Spec: testSpec(t, 3, 1)}
	in.Epochs = []experiment.PretrainEpoch{f.pretrained(1)}

	env := newEnvironment(f, "test/pretraining")
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(Pretraining, in)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	require.Equal(t, experiment.WorkflowPretraining, next.WorkflowType.Name)
	var carried PretrainingInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	require.Equal(t, in, carried)

	env = newEnvironment(f, "test/pretraining")
	env.ExecuteWorkflow(Pretraining, carried)
	require.NoError(t, env.GetWorkflowError())
	var epochs []experiment.PretrainEpoch
	require.NoError(t, env.GetWorkflowResult(&epochs))
	require.Len(t, epochs, 3)
	require.Equal(t, []string{"p1", "p2"}, f.froms)
}

// Without pretraining, the encoder as it starts is epoch 0, and all that follows finds it.
func TestExperimentWithoutPretraining(t *testing.T) {
	f := &fakes{accuracies: []float64{0.2}}
	spec := testSpec(t, 0, 1)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{"PrepareData", "PretrainEpoch", "SelectCheckpoint", "EvaluateLinear", "FinetuneEpoch 1"}, f.seen()[:5])
	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Len(t, r.Pretrain, 1)
	require.Zero(t, r.Pretrain[0].Epoch)
	require.Zero(t, r.Best.Epoch)
	require.Equal(t, []string{"", "p0", "p0"}, f.froms)
}

// A run of 100 epochs never has more than the newest two and the best checkpoint in the store.
func TestRetentionAsPretrainingGoes(t *testing.T) {
	f := &fakes{}
	for i := range 100 {
		accuracy := float64(i%7) / 10
		if i%3 == 1 {
			accuracy = -1
		}
		f.accuracies = append(f.accuracies, accuracy)
	}
	spec := testSpec(t, 100, 1)
	spec.Checkpoints.KeepLast = 2
	env := newEnvironment(f, "test/pretraining")
	env.ExecuteWorkflow(Pretraining, PretrainingInput{Spec: spec})
	require.NoError(t, env.GetWorkflowError())
	var epochs []experiment.PretrainEpoch
	require.NoError(t, env.GetWorkflowResult(&epochs))

	require.Len(t, f.pruned, 97)
	left := map[string]bool{}
	for _, e := range epochs {
		left[e.Checkpoint.Key] = true
	}
	for _, k := range f.pruned {
		require.True(t, left[k], "%s is pruned once", k)
		delete(left, k)
	}
	best := epochs[bestMonitored(epochs)]
	require.Equal(t, map[string]bool{"p99": true, "p100": true, best.Checkpoint.Key: true}, left)
}
