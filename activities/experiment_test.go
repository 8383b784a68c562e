package activities

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/experiment"
	"twinview/train"
)

// The activities of a whole experiment, each on a worker of its own, so that nothing passes between them but the store.
func TestExperimentAcrossWorkers(t *testing.T) {
	s := newMemory()
	spec := tinySpec()
	require.NoError(t, experiment.Set(&spec, "linear_augmented.epochs=2"))
	spec.LinearAugmented.BatchSize = 5
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

	r.LinearAugmented = linearAugmentedOn(t, s, spec, r.Data, r.Best)
	require.Equal(t, "experiments/tiny/simclr_lin_augmented_best.pt", r.LinearAugmented.Best.Model.Key)
	for _, model := range []experiment.Artifact{r.Linear.Best.Model, r.LinearAugmented.Best.Model} {
		requireEncoder(t, s, r.Best.Checkpoint, model)
	}

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
		experiment.EvaluateTestInput{Spec: spec, Data: r.Data, Best: r.Best, Linear: r.Linear, Finetune: r.Finetune,
			LinearAugmented: r.LinearAugmented})
	require.Len(t, r.Test.Linear, 2)
	require.Len(t, r.Test.LinearAugmented, 2)
	require.Len(t, r.Test.Finetune, 2)
	requireConfusion(t, r.Test.LinearConfusion, r.Test.Linear[r.Linear.Best.Epoch-1])
	requireConfusion(t, r.Test.FinetuneConfusion, r.Test.Finetune[r.Finetune.Best.Epoch-1])
	requireEmbeddings(t, s, r)
	for i := range 2 { // as the workflow does
		r.Linear.Epochs[i].TestLoss, r.Linear.Epochs[i].TestAccuracy = &r.Test.Linear[i].Loss, &r.Test.Linear[i].Accuracy
		r.Finetune.Epochs[i].TestLoss = &r.Test.Finetune[i].Loss
		r.Finetune.Epochs[i].TestAccuracy = &r.Test.Finetune[i].Accuracy
		r.LinearAugmented.Epochs[i].TestLoss = &r.Test.LinearAugmented[i].Loss
		r.LinearAugmented.Epochs[i].TestAccuracy = &r.Test.LinearAugmented[i].Accuracy
	}

	r.Artifacts = must[map[string]experiment.Artifact](t, newActivities(t, s), experiment.ActivityWriteReport,
		experiment.WriteReportInput{Spec: spec, Result: r})
	files := s.keys("experiments/tiny/")
	for _, name := range []string{
		"spec.yaml", "metrics.json", "report.html", "simclr_best_epoch.pt", "simclr_lin_best.pt", "finetune_best.pt",
		"simclr_lin_augmented_best.pt", "report.pdf", "plots/test-map.png",
		"tensorboard/validation/events.out.tfevents.0000000000.twinview",
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

// linearAugmentedOn evaluates with augmentation, each epoch on a worker of its own.
func linearAugmentedOn(
	t *testing.T, s *memory, spec experiment.Spec, data experiment.PreparedData, best experiment.Selection,
) *experiment.Classification {
	t.Helper()
	c := &experiment.Classification{}
	in := experiment.LinearAugmentedEpochInput{Spec: spec, Data: data, Best: best}
	for in.Epoch = 1; in.Epoch <= spec.LinearAugmented.Epochs; in.Epoch++ {
		done := must[experiment.ClassifierEpoch](t, newActivities(t, s), experiment.ActivityLinearAugmentedEpoch, in)
		again := must[experiment.ClassifierEpoch](t, idle(t, s), experiment.ActivityLinearAugmentedEpoch, in)
		require.Equal(t, done, again, "a recorded epoch is not trained again")
		c.Epochs = append(c.Epochs, done)
		in.From = done.Checkpoint
	}
	c.Best = must[experiment.Selection](t, newActivities(t, s), experiment.ActivitySelectLinearAugmented,
		experiment.SelectLinearAugmentedInput{Spec: spec, Best: best, Epochs: c.Epochs})
	return c
}

// requireEmbeddings checks that the training images' representations are there as people read them.
func requireEmbeddings(t *testing.T, s *memory, r experiment.Result) {
	t.Helper()
	require.NotNil(t, r.Test.Embeddings)
	require.Equal(t, "experiments/tiny/embeddings/train.safetensors", r.Test.Embeddings.Key)
	tensors, metadata, err := checkpoint.ReadSafetensors(bytes.NewReader(s.objects[r.Test.Embeddings.Key]))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"checkpoint": r.Best.Checkpoint.SHA256}, metadata)
	require.Len(t, tensors, 2)
	require.Equal(t, "features", tensors[0].Name)
	require.Equal(t, r.Data.Train, tensors[0].Shape[0])
	require.NotEqual(t, tensors[0].Data[:tensors[0].Shape[1]], tensors[0].Data[tensors[0].Shape[1]:2*tensors[0].Shape[1]])
	require.Equal(t, "labels", tensors[1].Name)
	require.ElementsMatch(t, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, tensors[1].Int64s, "the tiny split has one image a class")
}

// requireEncoder checks that a published model has every tensor of the checkpoint's encoder, running statistics included,
// in the same bits, and besides them only a classifier.
func requireEncoder(t *testing.T, s *memory, from, model experiment.Artifact) {
	t.Helper()
	state, err := train.ReadState(bytes.NewReader(s.objects[from.Key]))
	require.NoError(t, err)
	published, err := checkpoint.ReadTorch(s.objects[model.Key])
	require.NoError(t, err)
	found := map[string]checkpoint.Tensor{}
	for _, tensor := range published {
		found[tensor.Name] = tensor
	}
	compared := 0
	for _, want := range state.StateDict() {
		if strings.HasPrefix(want.Name, "projector.") {
			continue
		}
		got, ok := found[want.Name]
		require.True(t, ok, "%s has %s", model.Key, want.Name)
		require.Equal(t, want.Shape, got.Shape, want.Name)
		require.Equal(t, want.Int64s, got.Int64s, want.Name)
		require.Equal(t, len(want.Data), len(got.Data), want.Name)
		for i := range want.Data {
			require.Equal(t, math.Float32bits(want.Data[i]), math.Float32bits(got.Data[i]), "%s[%d]", want.Name, i)
		}
		compared++
	}
	require.Equal(t, len(published)-2, compared, "and fc.weight, fc.bias")
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
