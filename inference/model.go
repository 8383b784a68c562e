package inference

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
	"twinview/train"
)

// Model is a published model. It is safe for concurrent use.
type Model struct {
	spec  experiment.Spec
	state *train.State
	// head is the classifier of a linear evaluation; a fine-tuned model has its own inside.
	head *train.Head
	// classes is the number of outputs, 0 of an encoder.
	classes int
}

// names of the classifier in a state dict.
const (
	headWeight = "fc.weight"
	headBias   = "fc.bias"
)

// Encoder is the model of <method>_best_epoch.pt: tensors is its state dict, which the model keeps.
func Encoder(spec experiment.Spec, tensors []checkpoint.Tensor) *Model {
	return &Model{spec: oneByOne(spec), state: train.PretrainedModel(tensors)}
}

// Finetuned is the model of finetune_best.pt. tensors is its state dict, which the model keeps.
func Finetuned(spec experiment.Spec, tensors []checkpoint.Tensor) (*Model, error) {
	head, err := headOf(tensors)
	if err != nil {
		return nil, err
	}
	return &Model{spec: oneByOne(spec), state: train.FinetunedModel(tensors), classes: len(head.Bias)}, nil
}

// Linear is the model of <method>_lin_best.pt, a frozen encoder under a linear classifier. tensors is its state dict, which
// the model keeps.
func Linear(spec experiment.Spec, tensors []checkpoint.Tensor) (*Model, error) {
	head, err := headOf(tensors)
	if err != nil {
		return nil, err
	}
	return &Model{spec: oneByOne(spec), state: train.PretrainedModel(tensors), head: head, classes: len(head.Bias)}, nil
}

// oneByOne keeps the memory of Gorgonia's machine small: it holds every value of the network at once.
func oneByOne(spec experiment.Spec) experiment.Spec {
	spec.Compute.EvaluationBatchSize = 1
	return spec
}

func headOf(tensors []checkpoint.Tensor) (*train.Head, error) {
	var h train.Head
	for _, t := range tensors {
		switch t.Name {
		case headWeight:
			h.Weight = t.Data
		case headBias:
			h.Bias = t.Data
		}
	}
	if len(h.Bias) == 0 || len(h.Weight)%len(h.Bias) != 0 {
		return nil, fmt.Errorf("the model has no classifier (%s and %s): it is an encoder", headWeight, headBias)
	}
	return &h, nil
}

// Classes is the number of classes, 0 of an encoder.
func (m *Model) Classes() int { return m.classes }

// Classify returns the probability of each class for each image, [N][classes]: the softmax of the model's outputs. What the
// images' labels are does not matter. The context's error comes within an image of its end.
func (m *Model) Classify(ctx context.Context, images dataset.Images) ([][]float64, error) {
	if m.classes == 0 {
		return nil, errors.New("classify: the model is an encoder: it has no classes")
	}
	images.Labels = make([]uint8, images.Len())
	logits, err := parallel(ctx, images, m.logits)
	if err != nil {
		return nil, fmt.Errorf("classify: %w", err)
	}
	probabilities := make([][]float64, images.Len())
	for i := range probabilities {
		probabilities[i] = softmax(logits[i*m.classes : (i+1)*m.classes])
	}
	return probabilities, nil
}

// Embed returns the encoder's outputs [N, D], of a fine-tuned model those of its encoder.
func (m *Model) Embed(ctx context.Context, images dataset.Images) ([]float32, error) {
	features, err := parallel(ctx, images, m.features)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	return features, nil
}

func (m *Model) features(ctx context.Context, images dataset.Images) ([]float32, error) {
	return train.Features(ctx, &m.spec, images, m.state, options())
}

func (m *Model) logits(ctx context.Context, images dataset.Images) ([]float32, error) {
	if m.head == nil {
		predicted, err := train.Predict(ctx, &m.spec, m.classes, images, m.state, options())
		return predicted.Logits, err
	}
	features, err := m.features(ctx, images)
	if err != nil {
		return nil, err
	}
	seen := train.Labelled{Features: features, Labels: images.Labels, Dim: len(features) / images.Len()}
	return m.head.Predict(seen).Logits, nil
}

func options() train.Options { return train.Options{Compile: engine.Reference} }

// parallel lets every core take a part of the images.
func parallel(
	ctx context.Context, images dataset.Images, run func(context.Context, dataset.Images) ([]float32, error),
) ([]float32, error) {
	n := images.Len()
	parts := make([][]float32, min(runtime.GOMAXPROCS(0), n))
	group, ctx := errgroup.WithContext(ctx)
	for i := range parts {
		group.Go(func() (err error) {
			parts[i], err = run(ctx, images.Slice(i*n/len(parts), (i+1)*n/len(parts)))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// softmax takes the largest logit out first, so that nothing overflows.
func softmax(logits []float32) []float64 {
	largest := math.Inf(-1)
	for _, v := range logits {
		largest = max(largest, float64(v))
	}
	probabilities := make([]float64, len(logits))
	var sum float64
	for i, v := range logits {
		probabilities[i] = math.Exp(float64(v) - largest)
		sum += probabilities[i]
	}
	for i := range probabilities {
		probabilities[i] /= sum
	}
	return probabilities
}
