package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/model"
)

// Labelled is a set of images as the frozen encoder sees them.
type Labelled struct {
	Features []float32 // [N, Dim]
	Labels   []uint8   // [N]
	Dim      int
}

// Head is a linear classifier on features: logits = Weight·x + Bias.
type Head struct {
	Weight []float32 // [classes, dim]
	Bias   []float32 // [classes]
}

// LinearEvaluation trains a softmax classifier on precomputed features, linear.epochs over train in batches in random
// order (the last, incomplete batch of an epoch is left out). The encoder has no part in it and so cannot move. It returns
// one entry per epoch, with the loss and accuracy over the epoch's training steps and on all of validation after it, and
// each epoch's classifier.
//
// Errors: DivergedError; ErrTooFewImages where a batch is larger than the set; the context's, at most one step after it
// is done.
func LinearEvaluation(
	ctx context.Context, spec *experiment.Spec, classes int, train, validation Labelled, o Options,
) ([]experiment.ClassifierEpoch, []Head, error) {
	for _, set := range []Labelled{train, validation} {
		if err := set.check(train.Dim, classes); err != nil {
			return nil, nil, err
		}
	}
	steps, err := stepsPerEpoch(experiment.StageLinear, len(train.Labels), spec.Linear.BatchSize)
	if err != nil {
		return nil, nil, err
	}
	t, err := newLinearTrainer(spec, train.Dim, classes, steps, o)
	if err != nil {
		return nil, nil, err
	}
	defer t.close()

	var epochs []experiment.ClassifierEpoch
	var heads []Head
	for epoch := range spec.Linear.Epochs {
		start := time.Now()
		order := dataset.Order(spec.Seed, dataset.LinearOrder, epoch, len(train.Labels))
		stats, err := t.epoch(ctx, steps, spec.Linear.BatchSize, t.feedFeatures(train, order))
		if err != nil {
			return nil, nil, err
		}
		head, err := t.head()
		if err != nil {
			return nil, nil, err
		}
		score := ScoreHead(head, validation)
		heads = append(heads, head)
		epochs = append(epochs, experiment.ClassifierEpoch{
			Epoch: epoch + 1, TrainLoss: stats.Loss, TrainAccuracy: stats.Accuracy,
			ValidationLoss: score.Loss, ValidationAccuracy: score.Accuracy, Seconds: time.Since(start).Seconds(),
		})
	}
	return epochs, heads, nil
}

func newLinearTrainer(spec *experiment.Spec, dim, classes, steps int, o Options) (*trainer, error) {
	l := spec.Linear
	network, err := model.NewLinear(dim, classes, model.Options{Batch: l.BatchSize})
	if err != nil {
		return nil, fmt.Errorf("build the linear classifier: %w", err)
	}
	model.Initialise(network, spec.Seed)
	rule, err := newOptimizer(l.Optimizer)
	if err != nil {
		return nil, fmt.Errorf("linear.%w", err)
	}
	s, err := newState(spec, experiment.StageLinear, network, rule)
	if err != nil {
		return nil, err
	}
	t, err := newTrainer(network, s, l.Optimizer, newSchedule(l.Schedule, l.Optimizer.LearningRate, l.Epochs, steps), o)
	return t, inBatches(err, "linear.batch_size", l.BatchSize, 0)
}

// feedFeatures gathers batch after batch of rows in the given order.
func (t *trainer) feedFeatures(set Labelled, order []int) feed {
	next := 0
	labels := make([]float32, t.network.Labels.Shape()[0])
	features := make([]float32, len(labels)*set.Dim)
	return func(context.Context) error {
		for i := range labels {
			row := order[next]
			copy(features[i*set.Dim:(i+1)*set.Dim], set.row(row))
			labels[i] = float32(set.Labels[row])
			next++
		}
		if err := t.queue.Feed(t.network.Labels, labels); err != nil {
			return err
		}
		return t.queue.Feed(t.network.Features, features)
	}
}

// head copies the classifier out of the machine.
func (t *trainer) head() (Head, error) {
	s, err := t.finish()
	if err != nil {
		return Head{}, err
	}
	return s.Head()
}

// Head returns a copy of a state's linear classifier.
func (s *State) Head() (Head, error) {
	weight, err := find(s.tensors, classifierPrefix+"weight")
	if err != nil {
		return Head{}, err
	}
	bias, err := find(s.tensors, classifierPrefix+"bias")
	if err != nil {
		return Head{}, err
	}
	return Head{Weight: slices.Clone(weight.Data), Bias: slices.Clone(bias.Data)}, nil
}

// ScoreHead returns the mean cross-entropy and the accuracy of a classifier on a set.
func ScoreHead(h Head, x Labelled) experiment.TestScore { return h.Predict(x).Score() }

// Predict classifies the rows of a set. Sums run in float64.
func (h Head) Predict(x Labelled) Predictions {
	logits := make([]float32, 0, len(x.Labels)*len(h.Bias))
	for i := range x.Labels {
		for class, bias := range h.Bias {
			logits = append(logits, float32(float64(bias)+dot(h.Weight[class*x.Dim:(class+1)*x.Dim], x.row(i))))
		}
	}
	return Predictions{logits, x.Labels}
}

func dot(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

func (x Labelled) row(i int) []float32 { return x.Features[i*x.Dim : (i+1)*x.Dim] }

func (x Labelled) check(dim, classes int) error {
	if x.Dim != dim || dim < 1 {
		return fmt.Errorf("features have dimension %d, expected %d, at least 1", x.Dim, dim)
	}
	if len(x.Features) != len(x.Labels)*dim {
		return fmt.Errorf("%d feature values do not make %d rows of dimension %d", len(x.Features), len(x.Labels), dim)
	}
	return checkLabels(x.Labels, classes)
}
