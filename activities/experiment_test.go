package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// The activities of a whole experiment, each on a worker of its own, so that nothing passes between them but the store.
func TestExperimentAcrossWorkers(t *testing.T) {
	s := newMemory()
	spec := tinySpec()
	r := experiment.Result{Experiment: spec.Name, Data: prepare(t, s, spec)}
	require.Equal(t, []int{10, 10, 10}, []int{r.Data.Train, r.Data.Validation, r.Data.Test})
	require.Len(t, r.Data.Classes, 10)

	var from *experiment.Artifact
	for epoch := 1; epoch <= spec.Pretrain.Epochs; epoch++ {
		in := experiment.PretrainEpochInput{Spec: spec, Data: r.Data, Epoch: epoch, From: from}
		r.Pretrain = append(r.Pretrain, pretrainOn(t, newActivities(t, s), in))
		from = &r.Pretrain[epoch-1].Checkpoint
	}
	require.Nil(t, r.Pretrain[0].KNN, "the spec monitors every second epoch")

	r.Best = must[experiment.Selection](t, newActivities(t, s), experiment.ActivitySelectCheckpoint,
		experiment.SelectCheckpointInput{Spec: spec, Epochs: r.Pretrain})
	require.Equal(t, 2, r.Best.Epoch)
	require.Equal(t, "experiments/tiny/simclr_best_epoch.pt", r.Best.Model.Key)

	linear := experiment.EvaluateLinearInput{Spec: spec, Data: r.Data, Best: r.Best}
	r.Linear = must[experiment.Classification](t, newActivities(t, s), experiment.ActivityEvaluateLinear, linear)
	require.Len(t, r.Linear.Epochs, 2)
	require.Equal(t, "experiments/tiny/simclr_lin_best.pt", r.Linear.Best.Model.Key)
	again := must[experiment.Classification](t, idle(t, s), experiment.ActivityEvaluateLinear, linear)
	require.Equal(t, r.Linear, again, "a recorded evaluation is not repeated")

	from = nil
	for epoch := 1; epoch <= spec.Finetune.Epochs; epoch++ {
		in := experiment.FinetuneEpochInput{Spec: spec, Data: r.Data, Best: r.Best, Epoch: epoch, From: from}
		done := must[experiment.ClassifierEpoch](t, newActivities(t, s), experiment.ActivityFinetuneEpoch, in)
		r.Finetune.Epochs = append(r.Finetune.Epochs, done)
		from = done.Checkpoint
	}
	r.Finetune.Best = must[experiment.Selection](t, newActivities(t, s), experiment.ActivitySelectFinetuned,
		experiment.SelectFinetunedInput{Spec: spec, Data: r.Data, Epochs: r.Finetune.Epochs})
	require.Equal(t, "experiments/tiny/finetune_best.pt", r.Finetune.Best.Model.Key)

	r.Test = must[experiment.TestResult](t, newActivities(t, s), experiment.ActivityEvaluateTest,
		experiment.EvaluateTestInput{Spec: spec, Data: r.Data, Best: r.Best, Linear: r.Linear, Finetune: r.Finetune})
	require.Len(t, r.Test.Linear, 2)
	require.Len(t, r.Test.Finetune, 2)
	requireConfusion(t, r.Test.LinearConfusion, r.Test.Linear[r.Linear.Best.Epoch-1])
	requireConfusion(t, r.Test.FinetuneConfusion, r.Test.Finetune[r.Finetune.Best.Epoch-1])
	for i := range 2 { // as the workflow does
		r.Linear.Epochs[i].TestLoss, r.Linear.Epochs[i].TestAccuracy = &r.Test.Linear[i].Loss, &r.Test.Linear[i].Accuracy
		r.Finetune.Epochs[i].TestLoss = &r.Test.Finetune[i].Loss
		r.Finetune.Epochs[i].TestAccuracy = &r.Test.Finetune[i].Accuracy
	}

	r.Artifacts = must[map[string]experiment.Artifact](t, newActivities(t, s), experiment.ActivityWriteReport,
		experiment.WriteReportInput{Spec: spec, Result: r})
	files := s.keys("experiments/tiny/")
	for _, name := range []string{
		"spec.yaml", "metrics.json", "report.html", "simclr_best_epoch.pt", "simclr_lin_best.pt", "finetune_best.pt",
	} {
		require.Contains(t, r.Artifacts, name)
		require.Contains(t, files, name)
	}

	prune := experiment.PruneCheckpointsInput{Experiment: spec.Name, Remove: []experiment.Artifact{r.Pretrain[0].Checkpoint}}
	for range 2 {
		_, err := newEnvironment(newActivities(t, s)).ExecuteActivity(experiment.ActivityPruneCheckpoints, prune)
		require.NoError(t, err, "what is gone already is no error")
	}
	require.NotContains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0001.safetensors")
	require.Contains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0002.safetensors")

	// Run again after a failure further on, the experiment trains none of the epochs whose checkpoints are gone.
	trained := must[experiment.PretrainEpoch](t, idle(t, s), experiment.ActivityPretrainEpoch,
		experiment.PretrainEpochInput{Spec: spec, Data: r.Data, Epoch: 1})
	require.Equal(t, r.Pretrain[0], trained)
}

// Without linear evaluation and fine-tuning there is still a test, and a report of it.
func TestExperimentOfNeighboursAlone(t *testing.T) {
	s := newMemory()
	spec := tinySpec()
	spec.Pretrain.Epochs, spec.Linear.Epochs, spec.Finetune.Epochs = 1, 0, 0
	r := experiment.Result{Experiment: spec.Name, Data: prepare(t, s, spec)}
	r.Pretrain = append(r.Pretrain, pretrainOn(t, newActivities(t, s),
		experiment.PretrainEpochInput{Spec: spec, Data: r.Data, Epoch: 1}))
	r.Best = must[experiment.Selection](t, newActivities(t, s), experiment.ActivitySelectCheckpoint,
		experiment.SelectCheckpointInput{Spec: spec, Epochs: r.Pretrain})
	r.Test = must[experiment.TestResult](t, newActivities(t, s), experiment.ActivityEvaluateTest,
		experiment.EvaluateTestInput{Spec: spec, Data: r.Data, Best: r.Best})
	require.Positive(t, r.Test.KNNAccuracy)
	require.Empty(t, r.Test.Linear)
	require.Empty(t, r.Test.LinearConfusion)
	r.Artifacts = must[map[string]experiment.Artifact](t, newActivities(t, s), experiment.ActivityWriteReport,
		experiment.WriteReportInput{Spec: spec, Result: r})
	require.Contains(t, r.Artifacts, "metrics.json")
	require.NotContains(t, r.Artifacts, ".")
}

// requireConfusion checks that counts are of the one image per class that the tiny test split has, and of these weights.
func requireConfusion(t *testing.T, counts [][]int, score experiment.TestScore) {
	t.Helper()
	require.Len(t, counts, 10)
	right := 0
	for class, row := range counts {
		total := 0
		for _, n := range row {
			total += n
		}
		require.Equal(t, 1, total, "class %d", class)
		right += row[class]
	}
	require.InDelta(t, score.Accuracy, float64(right)/10, 1e-9)
}
