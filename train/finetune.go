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
	s, err := newFinetuneState(spec, experiment.StageFinetune, classes)
	if err != nil {
		return nil, err
	}
	return s.withEncoder(spec, pretrained)
}

// NewArmState is NewFinetuneState for an arm of the ablation. One from scratch needs no pretrained state: its encoder is
// initialised from the seed, as pretraining's without given weights.
func NewArmState(spec *experiment.Spec, arm experiment.Arm, classes int, pretrained *State) (*State, error) {
	s, err := newFinetuneState(spec, arm.Stage(), classes)
	if err != nil || arm.Start == experiment.FromScratch {
		return s, err
	}
	return s.withEncoder(spec, pretrained)
}

// newFinetuneState has initial weights everywhere.
func newFinetuneState(spec *experiment.Spec, stage string, classes int) (*State, error) {
	f, err := finetuningOf(spec, stage)
	if err != nil {
		return nil, err
	}
	network, err := f.network(spec, classes, spec.Augment.Size)
	if err != nil {
		return nil, err
	}
	model.Initialise(network, spec.Seed)
	rule, err := newOptimizer(f.Optimizer)
	if err != nil {
		return nil, fmt.Errorf("%s.%w", section(stage), err)
	}
	return newState(spec, stage, network, rule)
}

// withEncoder takes over the encoder of a pretrained state.
func (s *State) withEncoder(spec *experiment.Spec, pretrained *State) (*State, error) {
	if err := pretrained.check(spec, experiment.StagePretrain); err != nil {
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

// finetuning is how a stage trains encoder and classifier together: fine-tuning itself, or an arm of the ablation.
type finetuning struct {
	experiment.Finetune
	// steps are those of an epoch, 0 for the whole batches in one pass over the images.
	steps          int
	order, purpose dataset.Purpose
}

func finetuningOf(spec *experiment.Spec, stage string) (finetuning, error) {
	a := spec.Ablation
	switch name := section(stage); {
	case name == experiment.StageFinetune:
		return finetuning{Finetune: spec.Finetune, order: dataset.FinetuneOrder, purpose: dataset.FinetuneView}, nil
	case name == experiment.StageAblation && a != nil:
		f := experiment.Finetune{
			Epochs: a.Epochs, BatchSize: a.BatchSize, Optimizer: a.Optimizer, Schedule: a.Schedule, Augment: a.Augment,
		}
		return finetuning{f, a.StepsPerEpoch, dataset.AblationOrder, dataset.AblationView}, nil
	}
	return finetuning{}, fmt.Errorf("%w: stage %q of this spec does not fine-tune", ErrOtherState, stage)
}

// FinetuneEpoch trains the whole network for one epoch on labelled images, one view of each drawn from finetune.augment
// in the size that finetune.progressive_resizing gives the epoch; the last, incomplete batch is left out. In an arm of the
// ablation the section ablation says how, at augment.size, and an epoch is ablation.steps_per_epoch steps, in passes over
// the images without end. Labels are below the number of classes that s was made for. It advances s by the epoch; on an
// error s is as it was. The errors are those of PretrainEpoch.
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
	f, err := finetuningOf(spec, s.stage)
	if err != nil {
		return EpochStats{}, err
	}
	size := experiment.ViewSize(f.ProgressiveResizing, s.Epoch, spec.Augment.Size)
	plan := epochPlan{
		stage: s.stage, epochs: f.Epochs, steps: f.steps, batchSize: f.BatchSize,
		optimizer: f.Optimizer, schedule: f.Schedule,
		views: []experiment.View{f.Augment}, size: size,
		order: f.order, purpose: f.purpose,
		network: func() (*model.Network, error) { return f.network(spec, classes, size) },
	}
	return plan.run(ctx, spec, images, s, o)
}

func (f finetuning) network(spec *experiment.Spec, classes, size int) (*model.Network, error) {
	network, err := model.NewClassifier(spec.Encoder, classes,
		model.Options{Batch: f.BatchSize, Size: size})
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
