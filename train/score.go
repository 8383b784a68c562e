package train

import (
	"context"
	"fmt"
	"math"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/model"
)

// Score returns the mean cross-entropy and the accuracy of a fine-tuned state on images as they are, normalised as in
// fine-tuning (finetune.augment.normalize). It changes nothing in s. Labels are below classes.
func Score(
	ctx context.Context, spec *experiment.Spec, classes int, images dataset.Images, s *State, o Options,
) (experiment.TestScore, error) {
	if images.Len() == 0 {
		return experiment.TestScore{}, nil
	}
	if err := checkLabels(images.Labels, classes); err != nil {
		return experiment.TestScore{}, err
	}
	sizes, err := inferenceOptions(spec, images)
	if err != nil {
		return experiment.TestScore{}, err
	}
	network, err := model.NewInference(spec.Encoder, classes, sizes)
	if err != nil {
		return experiment.TestScore{}, fmt.Errorf("build the classifier network for inference: %w", err)
	}
	f := inference{
		network: network, output: network.Logits, batchSize: sizes.Batch, normalize: spec.Finetune.Augment.Normalize,
	}
	logits, err := f.run(ctx, images, s, o)
	if err != nil {
		return experiment.TestScore{}, err
	}
	return scoreLogits(logits, images.Labels), nil
}

// scoreLogits compares logits [N, classes] with labels [N].
func scoreLogits(logits []float32, labels []uint8) experiment.TestScore {
	if len(labels) == 0 {
		return experiment.TestScore{}
	}
	classes := len(logits) / len(labels)
	var loss float64
	correct := 0
	for i, label := range labels {
		row := logits[i*classes : (i+1)*classes]
		loss += crossEntropy(row, int(label))
		if argmax(row) == int(label) {
			correct++
		}
	}
	n := float64(len(labels))
	return experiment.TestScore{Loss: loss / n, Accuracy: float64(correct) / n}
}

// crossEntropy is −log softmax(logits)[label], with the largest logit taken out so that nothing overflows.
func crossEntropy(logits []float32, label int) float64 {
	largest := float64(logits[argmax(logits)])
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v) - largest)
	}
	return math.Log(sum) - (float64(logits[label]) - largest)
}

// argmax is the index of the largest value, the first of equals.
func argmax(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
