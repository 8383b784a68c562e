package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func testSpec(t *testing.T) experiment.Spec {
	t.Helper()
	spec := experiment.Default()
	spec.Name = "first"
	spec.Dataset = experiment.Dataset{Name: experiment.Synthetic, TrainImages: 200, ValidationImages: 50, TestImages: 50}
	spec.Pretrain.Epochs, spec.Pretrain.BatchSize, spec.Pretrain.Schedule.WarmupEpochs = 2, 32, 0
	spec.Linear.BatchSize, spec.Finetune.BatchSize = 32, 32
	require.NoError(t, spec.Validate())
	return spec
}

// testResult is a whole result of two epochs of each kind.
func testResult() experiment.Result {
	r := experiment.Result{
		Experiment: "first",
		Data: experiment.PreparedData{
			Name: experiment.Synthetic, SHA256: "0123456789abcdef", Classes: []string{"disc", "ring"},
			Train: 200, Validation: 50, Test: 50,
		},
		Best: experiment.Selection{
			Epoch: 2, Criterion: "validation kNN accuracy", Value: 0.5,
			Checkpoint: experiment.Artifact{Key: "experiments/first/pretrain/epoch-0002.safetensors"},
		},
		Test:      experiment.TestResult{KNNAccuracy: 0.44},
		Artifacts: map[string]experiment.Artifact{"report.html": {Key: "experiments/first/report.html", Size: 10}},
	}
	for epoch := 1; epoch <= 2; epoch++ {
		knn := 0.25 * float64(epoch)
		r.Pretrain = append(r.Pretrain, experiment.PretrainEpoch{
			Epoch: epoch, Loss: 4 / float64(epoch), KNN: &knn, Seconds: 61.4, ViewsPerSecond: 123,
		})
	}
	r.Linear = testClassification(0.6)
	r.Finetune = testClassification(0.7)
	return r
}

func testClassification(accuracy float64) experiment.Classification {
	c := experiment.Classification{Best: experiment.Selection{
		Epoch: 2, Criterion: "validation accuracy", Value: accuracy,
	}}
	for epoch := 1; epoch <= 2; epoch++ {
		test := accuracy - 0.05
		c.Epochs = append(c.Epochs, experiment.ClassifierEpoch{
			Epoch: epoch, TrainLoss: 1.5, TrainAccuracy: 0.8, ValidationLoss: 1.75, ValidationAccuracy: accuracy,
			TestLoss: new(1.8), TestAccuracy: &test, Seconds: 0.5,
		})
	}
	return c
}

// testProgress is that of an experiment in the stage, with as many epochs of pretraining.
func testProgress(stage string, epochs int) experiment.Progress {
	r := testResult()
	return experiment.Progress{
		Experiment: "first", Stage: stage, PretrainEpochs: 2, FinetuneEpochs: 2, Data: &r.Data, Pretrain: r.Pretrain[:epochs],
	}
}

func TestFinishedHasAllOfTheResult(t *testing.T) {
	r := testResult()
	p := finished(r)
	require.Equal(t, experiment.StageDone, p.Stage)
	require.Equal(t, r.Pretrain, p.Pretrain)
	require.Equal(t, r.Finetune.Epochs, p.Finetune)
	require.Equal(t, "2 2", fmt.Sprint(p.PretrainEpochs, p.FinetuneEpochs))
	require.Equal(t, &r, p.Result)
}
