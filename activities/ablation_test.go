package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// An arm of the ablation goes on across workers in the same bits, under keys of its own.
func TestAblationArms(t *testing.T) {
	s := newMemory()
	spec := tinySpec()
	require.NoError(t, experiment.Set(&spec, "ablation.label_fractions=[1]"))
	spec.Pretrain.Epochs = 1
	spec.Ablation.Epochs, spec.Ablation.StepsPerEpoch, spec.Ablation.BatchSize = 2, 2, 4
	require.NoError(t, spec.Validate())
	data := prepare(t, s, spec)
	trained := pretrainOn(t, newActivities(t, s), experiment.PretrainEpochInput{Spec: spec, Data: data, Epoch: 1})
	best := experiment.Selection{Epoch: 1, Checkpoint: trained.Checkpoint}

	var arms []experiment.AblationArm
	for _, arm := range spec.Ablation.Arms() {
		trained := experiment.AblationArm{Arm: arm, Labels: arm.Labels(data.Train)}
		in := experiment.FinetuneEpochInput{Spec: spec, Data: data, Best: best, Arm: &arm}
		for in.Epoch = 1; in.Epoch <= 2; in.Epoch++ {
			done := must[experiment.ClassifierEpoch](t, newActivities(t, s), experiment.ActivityFinetuneEpoch, in)
			again := must[experiment.ClassifierEpoch](t, idle(t, s), experiment.ActivityFinetuneEpoch, in)
			require.Equal(t, done, again, "a recorded epoch is not trained again")
			trained.Epochs = append(trained.Epochs, done)
			in.From = done.Checkpoint
		}
		selected, err := experiment.SelectClassifier(trained.Epochs)
		require.NoError(t, err)
		selected.Checkpoint = *trained.Epochs[selected.Epoch-1].Checkpoint
		trained.Best = selected
		arms = append(arms, trained)
	}
	require.Equal(t, "experiments/tiny/ablation/pretrained-1/epoch-0001.safetensors", arms[0].Epochs[0].Checkpoint.Key)
	require.Equal(t, "experiments/tiny/ablation/scratch-1/epoch-0002.safetensors", arms[1].Epochs[1].Checkpoint.Key)
	require.NotEqual(t, arms[0].Epochs[0].TrainLoss, arms[1].Epochs[0].TrainLoss)

	spec.Linear.Epochs, spec.Finetune.Epochs = 0, 0
	result := must[experiment.TestResult](t, newActivities(t, s), experiment.ActivityEvaluateTest,
		experiment.EvaluateTestInput{Spec: spec, Data: data, Best: best, Ablation: arms})
	require.Len(t, result.Ablation, 2)
	for _, score := range result.Ablation {
		require.Positive(t, score.Loss)
	}
}
