package train

import (
	"context"
	"fmt"
	"strings"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/model"
)

// NewFinetuneState returns the state before the first epoch of fine-tuning: the encoder of a pretrained state, running
// statistics included, and a new linear classifier. The projection head is left behind.
func NewFinetuneState(spec *experiment.Spec, classes int, pretrained *State) (*State, error) {
	if err := pretrained.check(spec, experiment.StagePretrain); err != nil {
		return nil, err
	}
	network, err := finetuneNetwork(spec, classes, spec.Augment.Size)
	if err != nil {
		return nil, err
	}
	model.Initialise(network, spec.Seed)
	rule, err := newOptimizer(spec.Finetune.Optimizer)
	if err != nil {
		return nil, fmt.Errorf("finetune.%w", err)
	}
	s, err := newState(spec, experiment.StageFinetune, network, rule)
	if err != nil {
		return nil, err
	}
	for _, t := range s.tensors {
		if strings.HasPrefix(t.Name, classifierPrefix) {
			continue
		}
		source, err := find(pretrained.tensors, t.Name)
		if err != nil {
			return nil, err
		}
		if len(source.Data) != len(t.Data) || len(source.Int64s) != len(t.Int64s) {
			return nil, fmt.Errorf("%w: tensor %q has another size than the encoder's", ErrOtherState, t.Name)
		}
		copy(t.Data, source.Data)
		copy(t.Int64s, source.Int64s)
	}
	return s, nil
}

// classifierPrefix begins the names of the classifier's parameters.
const classifierPrefix = "fc."

// FinetuneEpoch trains the whole network for one epoch on labelled images, one view of each drawn from finetune.augment
// in the size that finetune.progressive_resizing gives the epoch; the last, incomplete batch is left out. Labels are below
// the number of classes that s was made for. It advances s by the epoch; on an error s is as it was. The errors are those
// of PretrainEpoch.
func FinetuneEpoch(
	ctx context.Context, spec *experiment.Spec, images dataset.Images, s *State, o Options,
) (EpochStats, error) {
	classes, err := s.classes()
	if err != nil {
		return EpochStats{}, err
	}
	if err := checkLabels(images.Labels, classes); err != nil {
		return EpochStats{}, err
	}
	f := spec.Finetune
	size := experiment.ViewSize(f.ProgressiveResizing, s.Epoch, spec.Augment.Size)
	plan := epochPlan{
		stage: experiment.StageFinetune, epochs: f.Epochs, batchSize: f.BatchSize,
		optimizer: f.Optimizer, schedule: f.Schedule,
		views: []experiment.View{f.Augment}, size: size,
		order: dataset.FinetuneOrder, purpose: dataset.FinetuneView,
		network: func() (*model.Network, error) { return finetuneNetwork(spec, classes, size) },
	}
	return plan.run(ctx, spec, images, s, o)
}

func finetuneNetwork(spec *experiment.Spec, classes, size int) (*model.Network, error) {
	network, err := model.NewClassifier(spec.Encoder, classes,
		model.Options{Batch: spec.Finetune.BatchSize, Size: size})
	if err != nil {
		return nil, fmt.Errorf("build the classifier network: %w", err)
	}
	return network, nil
}

// classes is the number of classes that a fine-tuned state tells apart.
func (s *State) classes() (int, error) {
	bias, err := find(s.tensors, classifierPrefix+"bias")
	if err != nil {
		return 0, fmt.Errorf("no state of fine-tuning: %w", err)
	}
	return len(bias.Data), nil
}

func checkLabels(labels []uint8, classes int) error {
	for i, label := range labels {
		if int(label) >= classes {
			return fmt.Errorf("label %d of image %d: there are %d classes, labels go from 0 to %d",
				label, i, classes, classes-1)
		}
	}
	return nil
}
