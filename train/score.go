package train

import (
	"context"
	"fmt"
	"math"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/model"
)

// Predictions are a classifier's outputs for labelled images.
type Predictions struct {
	Logits []float32 // [N, classes]
	Labels []uint8   // [N]
}

// Score returns the mean cross-entropy and the accuracy of a fine-tuned state on images: those of Predict.
func Score(
	ctx context.Context, spec *experiment.Spec, classes int, images dataset.Images, s *State, o Options,
) (experiment.TestScore, error) {
	p, err := Predict(ctx, spec, classes, images, s, o)
	return p.Score(), err
}

// Predict classifies images as they are with a fine-tuned state, normalised as in its training (finetune.augment.normalize,
// in an arm of the ablation ablation.augment.normalize). It changes nothing in s. Labels are below classes.
func Predict(
	ctx context.Context, spec *experiment.Spec, classes int, images dataset.Images, s *State, o Options,
) (Predictions, error) {
	if images.Len() == 0 {
		return Predictions{}, nil
	}
	if err := checkLabels(images.Labels, classes); err != nil {
		return Predictions{}, err
	}
	training, err := finetuningOf(spec, s.stage)
	if err != nil {
		return Predictions{}, err
	}
	sizes, err := inferenceOptions(spec, images)
	if err != nil {
		return Predictions{}, err
	}
	network, err := model.NewInference(spec.Encoder, classes, sizes)
	if err != nil {
		return Predictions{}, fmt.Errorf("build the classifier network for inference: %w", err)
	}
	f := inference{
		network: network, output: network.Logits, batchSize: sizes.Batch, normalize: training.Augment.Normalize,
	}
	logits, err := f.run(ctx, images, s, o)
	if err != nil {
		return Predictions{}, err
	}
	return Predictions{logits, images.Labels}, nil
}

// Score returns the mean cross-entropy and the accuracy, zeros where there are no images. Sums run in float64.
func (p Predictions) Score() experiment.TestScore {
	if len(p.Labels) == 0 {
		return experiment.TestScore{}
	}
	var loss float64
	correct := 0
	for i, label := range p.Labels {
		row := p.row(i)
		loss += crossEntropy(row, int(label))
		if argmax(row) == int(label) {
			correct++
		}
	}
	n := float64(len(p.Labels))
	return experiment.TestScore{Loss: loss / n, Accuracy: float64(correct) / n}
}

// Confusion counts the images of each true class (rows) by the class that was predicted (columns), nil where there are
// no images.
func (p Predictions) Confusion() [][]int {
	if len(p.Labels) == 0 {
		return nil
	}
	classes := len(p.row(0))
	counts := make([][]int, classes)
	for class := range counts {
		counts[class] = make([]int, classes)
	}
	for i, label := range p.Labels {
		counts[label][argmax(p.row(i))]++
	}
	return counts
}

func (p Predictions) row(i int) []float32 {
	classes := len(p.Logits) / len(p.Labels)
	return p.Logits[i*classes : (i+1)*classes]
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
