package workflows

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"twinview/experiment"
)

// whileDamaged lets an activity fail for as long as the artifact is damaged.
func (f *fakes) whileDamaged(name string, epoch int, a experiment.Artifact) {
	before := f.fail
	f.damaged = map[string]bool{a.Key: true}
	f.fail = func(ctx context.Context, called string, at int) error {
		f.mu.Lock()
		damaged := f.damaged[a.Key]
		f.mu.Unlock()
		if damaged && called == name && at == epoch {
			return lost(a)
		}
		if before != nil {
			return before(ctx, called, at)
		}
		return nil
	}
}

// The next epoch finds the checkpoint before it lost: that epoch is trained again, from the newest one that is left.
func TestPretrainingGoesBackToAnEarlierCheckpoint(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5, 0.4, 0.2}}
	f.whileDamaged(experiment.ActivityPretrainEpoch, 4, artifact("p3"))
	f.damaged["p2"] = true
	spec := testSpec(t, 4, 1)
	spec.Checkpoints.KeepLast = 4
	env := newEnvironment(f, "test/pretraining")
	env.ExecuteWorkflow(Pretraining, PretrainingInput{Spec: spec})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{
		"PretrainEpoch 1", "PretrainEpoch 2", "PretrainEpoch 3", "PretrainEpoch 4", "RollBack",
		"PretrainEpoch 2", "PretrainEpoch 3", "PretrainEpoch 4",
	}, f.seen())
	require.Equal(t, []string{"", "p1", "p2", "p1", "p2", "p3"}, f.froms)
	require.Equal(t, [][]experiment.Artifact{{artifact("p1"), artifact("p2"), artifact("p3")}}, f.rollBacks)
	var epochs []experiment.PretrainEpoch
	require.NoError(t, env.GetWorkflowResult(&epochs))
	want := []experiment.PretrainEpoch{f.pretrained(1), f.pretrained(2), f.pretrained(3), f.pretrained(4)}
	for i := range want {
		want[i].Planned = 4
	}
	require.Equal(t, want, epochs, "no epoch counts twice")
}

// A lost checkpoint that only the selection or the evaluation reads brings pretraining back, and what came after it is not
// shown twice.
func TestExperimentGoesBackToPretraining(t *testing.T) {
	want := undisturbed(t)
	for _, test := range []struct {
		activity string
		epoch    int
	}{
		{experiment.ActivitySelectCheckpoint, 0}, {experiment.ActivityEvaluateLinear, 0},
		{experiment.ActivityFinetuneEpoch, 1}, {experiment.ActivityEvaluateTest, 0},
	} {
		t.Run(test.activity, func(t *testing.T) {
			f := &fakes{accuracies: []float64{0.3, 0.5, 0.4}}
			f.whileDamaged(test.activity, test.epoch, artifact("p2"))
			f.damaged["p1"] = true // retention has removed it
			spec := testSpec(t, 3, 2)
			env := newEnvironment(f, spec.Name)
			env.ExecuteWorkflow(Experiment, spec)
			require.NoError(t, env.GetWorkflowError())
			var r experiment.Result
			require.NoError(t, env.GetWorkflowResult(&r))
			require.Len(t, r.RollBacks, 1)
			require.Equal(t, "p2 can't be read back: pretrain went back to its beginning", r.RollBacks[0].String())
			require.False(t, r.RollBacks[0].At.IsZero())
			require.Equal(t, r.RollBacks, f.reported.Result.RollBacks)
			r.RollBacks = nil
			require.Equal(t, want, r)
			calls := f.seen()
			require.Equal(t, []string{
				"RollBack", "PretrainEpoch 1", "PretrainEpoch 2", "PretrainEpoch 3", "SelectCheckpoint", "EvaluateLinear",
				"FinetuneEpoch 1", "FinetuneEpoch 2", "SelectFinetuned", "EvaluateTest", "WriteReport",
			}, calls[slices.Index(calls, "RollBack"):])
			value, err := env.QueryWorkflow(experiment.QueryProgress)
			require.NoError(t, err)
			var p experiment.Progress
			require.NoError(t, value.Get(&p))
			require.Len(t, p.Pretrain, 3)
			require.Len(t, p.Finetune, 2)
			require.Len(t, p.RollBacks, 1)
		})
	}
}

func undisturbed(t *testing.T) (r experiment.Result) {
	spec := testSpec(t, 3, 2)
	env := newEnvironment(&fakes{accuracies: []float64{0.3, 0.5, 0.4}}, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.NoError(t, env.GetWorkflowResult(&r))
	return r
}

// Each training of an evaluation goes back by itself, whoever finds that its checkpoint is lost.
func TestEvaluationGoesBackToAnEarlierCheckpoint(t *testing.T) {
	spec := testSpec(t, 1, 2)
	require.NoError(t, experiment.Set(&spec, "linear_augmented.epochs=2"))
	require.NoError(t, experiment.Set(&spec, "ablation.label_fractions=[0.1]"))
	spec.Ablation.Epochs = 2
	for _, test := range []struct {
		name     string
		activity string
		epoch    int
		lost     experiment.Artifact
		again    []string
	}{
		{"the next epoch of fine-tuning", "FinetuneEpoch", 2, artifact("f1"),
			[]string{"FinetuneEpoch 1", "FinetuneEpoch 2", "SelectFinetuned"}},
		{"the selection of fine-tuning", "SelectFinetuned", 0, artifact("f2"), []string{"FinetuneEpoch 2", "SelectFinetuned"}},
		{"the next epoch with augmentation", "LinearAugmentedEpoch", 2, artifact("l1"),
			[]string{"LinearAugmentedEpoch 1", "LinearAugmentedEpoch 2", "SelectLinearAugmented"}},
		{"the next epoch of an arm", "ablation/scratch-0.1", 2, artifact("ablation/scratch-0.1/1"),
			[]string{"ablation/scratch-0.1 1", "ablation/scratch-0.1 2", "EvaluateTest"}},
		{"the test of fine-tuning", "EvaluateTest", 0, artifact("f1"),
			[]string{"FinetuneEpoch 1", "FinetuneEpoch 2", "SelectFinetuned", "EvaluateTest"}},
		{"the test of an arm", "EvaluateTest", 0, artifact("ablation/pretrained-0.1/2"),
			[]string{"ablation/pretrained-0.1 2", "EvaluateTest"}},
		{"the test of linear evaluation", "EvaluateTest", 0, artifact("heads"), []string{"EvaluateLinear", "EvaluateTest"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fakes{accuracies: []float64{0.5}}
			f.whileDamaged(test.activity, test.epoch, test.lost)
			env := newEnvironment(f, "test/evaluation")
			env.ExecuteWorkflow(Evaluation, EvaluationInput{Spec: spec, Best: experiment.Selection{Checkpoint: artifact("p1")}})
			require.NoError(t, env.GetWorkflowError())
			var r EvaluationResult
			require.NoError(t, env.GetWorkflowResult(&r))
			calls := f.seen()
			again := calls[slices.Index(calls, "RollBack")+1:]
			require.Equal(t, test.again, again[:len(test.again)])
			require.Len(t, r.Finetune.Epochs, 2)
			require.Len(t, r.LinearAugmented.Epochs, 2)
			require.Len(t, r.Ablation, 2)
			for _, arm := range r.Ablation {
				require.Len(t, arm.Epochs, 2)
				require.NotEmpty(t, arm.Best.Checkpoint.Key)
			}
		})
	}
}

// A store that damages everything ends in a failure that says so.
func TestRollBacksAreBounded(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == experiment.ActivityPretrainEpoch && epoch == 2 {
			return lost(artifact("p1"))
		}
		return nil
	}
	spec := testSpec(t, 2, 1)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	err := env.GetWorkflowError()
	require.Equal(t, experiment.ErrorCorruptArtifact, errorType(t, err))
	require.ErrorContains(t, err, "5 times")
	require.ErrorContains(t, err, "p1")
	require.Len(t, f.rollBacks, maxRollBacks)
}

// What is lost and was not made by training, such as the data set, fails as before.
func TestOtherLostArtifactsFail(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3}}
	f.whileDamaged(experiment.ActivityPretrainEpoch, 1, artifact("archive"))
	spec := testSpec(t, 1, 1)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.Equal(t, experiment.ErrorCorruptArtifact, errorType(t, env.GetWorkflowError()))
	require.Empty(t, f.rollBacks)
}

// TestRollBackOnServer records how training goes back: in pretraining, in an evaluation, and from an evaluation to pretraining.
func TestRollBackOnServer(t *testing.T) {
	c := startServer(t)
	f := &fakes{accuracies: []float64{0.3, 0.5, 0.4}}
	harmed := map[string]experiment.Artifact{
		"PretrainEpoch 3": artifact("p2"), "EvaluateLinear 0": artifact("p2"), "SelectFinetuned 0": artifact("f2"),
	}
	f.fail = func(_ context.Context, name string, epoch int) error {
		call := fmt.Sprintf("%s %d", name, epoch)
		a, ok := harmed[call]
		if !ok {
			return nil
		}
		delete(harmed, call)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.damaged = map[string]bool{a.Key: true}
		return lost(a)
	}
	startWorkers(t, c, f)
	spec := testSpec(t, 3, 2)
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	var result experiment.Result
	require.NoError(t, run.Get(t.Context(), &result))
	var told []string
	for _, r := range result.RollBacks {
		told = append(told, r.String())
	}
	require.Equal(t, []string{
		"p2 can't be read back: pretrain went back to epoch 1", "p2 can't be read back: pretrain went back to epoch 1",
		"f2 can't be read back: finetune went back to epoch 1",
	}, told, "the children tell of theirs")
	result.RollBacks = nil
	require.Equal(t, undisturbed(t), result)
	require.Len(t, f.rollBacks, 3)

	experimentRun := histories(t, c, spec.Name, run.GetRunID())[0]
	pretraining := children(experimentRun, experiment.WorkflowPretraining)
	evaluation := children(experimentRun, experiment.WorkflowEvaluation)
	require.Len(t, pretraining, 2)
	require.Len(t, evaluation, 2)
	save(t, "rollback-experiment", experimentRun)
	for i := range 2 {
		first := histories(t, c, spec.Name+"/pretraining", pretraining[i])[0]
		second := histories(t, c, spec.Name+"/evaluation", evaluation[i])[0]
		save(t, fmt.Sprintf("rollback-pretraining-%d", i+1), first)
		save(t, fmt.Sprintf("rollback-evaluation-%d", i+1), second)
	}
}
