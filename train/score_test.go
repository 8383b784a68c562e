package train

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestCrossEntropyOfLargeLogits(t *testing.T) {
	require.Equal(t, 0.0, crossEntropy([]float32{3e38, -3e38}, 0))
	require.InDelta(t, 2000.0, crossEntropy([]float32{-1000, 1000}, 0), 1e-9)
}

func TestScoreOfAPartialBatch(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewFinetuneState(spec, tinyClasses, newPretrained(t, spec))
	require.NoError(t, err)
	before := written(t, s)
	images := tinyImages(6) // batches of 4 and 2
	score, err := Score(t.Context(), spec, tinyClasses, images, s, onReference)
	require.NoError(t, err)

	spec.Compute.EvaluationBatchSize = 6
	whole, err := Score(t.Context(), spec, tinyClasses, images, s, onReference)
	require.NoError(t, err)
	require.Equal(t, whole, score)
	require.Equal(t, before, written(t, s))
}

func TestConfusionCountsTrueByPredictedClass(t *testing.T) {
	p := Predictions{
		Logits: []float32{2, 1, 0, 0, 1, 2, 0, 3, 0, 5, 0, 0},
		Labels: []uint8{0, 0, 1, 2},
	}
	require.Equal(t, [][]int{{1, 0, 1}, {0, 1, 0}, {1, 0, 0}}, p.Confusion())
	require.Equal(t, 0.5, p.Score().Accuracy, "the diagonal")
	require.Nil(t, Predictions{}.Confusion())
}

func TestScoreRefusesLabelsOutOfRange(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewFinetuneState(spec, 2, newPretrained(t, spec))
	require.NoError(t, err)
	_, err = Score(t.Context(), spec, 2, tinyImages(6), s, onReference)
	require.ErrorContains(t, err, "label 2")
}

// With running statistics that are those of one batch, inference on that batch has to agree with training on it: the
// remaining difference is the unbiased variance.
func TestInferenceAgreesWithTraining(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	plain := spec.Finetune.Augment
	plain.Crop = experiment.Crop{Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}}
	plain.Flip, plain.Jitter.Probability = 0, 0
	spec.Finetune.Augment = plain
	spec.Finetune.BatchSize = 24
	spec.Finetune.Optimizer.LearningRate = 0
	images := tinyImages(24)
	untrained, err := NewPretrainState(spec)
	require.NoError(t, err)
	s, err := NewFinetuneState(spec, tinyClasses, untrained)
	require.NoError(t, err)
	stats, err := FinetuneEpoch(t.Context(), spec, images, s, onReference)
	require.NoError(t, err)
	for _, tensor := range s.tensors { // take out the initial mean 0 and variance 1
		switch {
		case strings.HasSuffix(tensor.Name, runningMean):
			for i := range tensor.Data {
				tensor.Data[i] /= 0.1
			}
		case strings.HasSuffix(tensor.Name, runningVar):
			for i := range tensor.Data {
				tensor.Data[i] = (tensor.Data[i] - 0.9) / 0.1
			}
		}
	}
	score, err := Score(t.Context(), spec, tinyClasses, images, s, onReference)
	require.NoError(t, err)
	require.InEpsilon(t, stats.Loss, score.Loss, 0.02)
	require.InDelta(t, stats.Accuracy, score.Accuracy, 0.1)
}

func TestScoreNormalisesAsFinetuning(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewFinetuneState(spec, tinyClasses, newPretrained(t, spec))
	require.NoError(t, err)
	loss := func() float64 {
		score, err := Score(t.Context(), spec, tinyClasses, tinyImages(3), s, onReference)
		require.NoError(t, err)
		return score.Loss
	}
	want := loss()
	spec.Augment.FirstView.Normalize.Mean[0] = 0
	require.Equal(t, want, loss())
	spec.Finetune.Augment.Normalize.Mean[0] = 0
	require.NotEqual(t, want, loss())
}
