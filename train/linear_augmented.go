package train

import (
	"context"
	"fmt"

	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// NewLinearAugmentedState returns the state before the first epoch of linear evaluation with augmentation: a new classifier
// and nothing of the encoder.
func NewLinearAugmentedState(spec *experiment.Spec, classes int) (*State, error) {
	network, err := linearAugmentedNetwork(spec, classes)
	if err != nil {
		return nil, err
	}
	model.Initialise(network, spec.Seed)
	rule, err := newOptimizer(spec.LinearAugmented.Optimizer)
	if err != nil {
		return nil, fmt.Errorf("linear_augmented.%w", err)
	}
	return newState(spec, experiment.StageLinearAugmented, network, rule)
}

// LinearAugmentedEpoch trains the classifier s for one epoch on the frozen encoder's outputs for labelled images, one view
// of each drawn anew from linear_augmented.augment at augment.size; the last, incomplete batch is left out. The encoder is
// read only: it runs without gradients, and batch norm by its running statistics. It advances s by the epoch; on an error s
// is as it was. The errors are those of PretrainEpoch.
func LinearAugmentedEpoch(
	ctx context.Context, spec *experiment.Spec, images dataset.Images, encoder, s *State, o Options,
) (EpochStats, error) {
	classes, err := s.classes()
	if err != nil {
		return EpochStats{}, err
	}
	if err := checkLabels(images.Labels, classes); err != nil {
		return EpochStats{}, err
	}
	if err := s.check(spec, experiment.StageLinearAugmented); err != nil {
		return EpochStats{}, err
	}
	frozen, err := newFrozenEncoder(spec, encoder, o)
	if err != nil {
		return EpochStats{}, err
	}
	defer frozen.machine.Close()
	l := spec.LinearAugmented
	plan := epochPlan{
		stage: experiment.StageLinearAugmented, epochs: l.Epochs, batchSize: l.BatchSize,
		optimizer: l.Optimizer, schedule: l.Schedule,
		views: []experiment.View{l.Augment}, size: spec.Augment.Size,
		order: dataset.LinearAugmentedOrder, purpose: dataset.LinearAugmentedView,
		network: func() (*model.Network, error) { return linearAugmentedNetwork(spec, classes) },
		frozen:  frozen,
	}
	return plan.run(ctx, spec, images, s, o)
}

func linearAugmentedNetwork(spec *experiment.Spec, classes int) (*model.Network, error) {
	const expansion = 8 // the last stage's channels, in widths
	network, err := model.NewLinear(expansion*spec.Encoder.Width, classes, model.Options{Batch: spec.LinearAugmented.BatchSize})
	if err != nil {
		return nil, fmt.Errorf("build the linear classifier: %w", err)
	}
	return network, nil
}

// frozenEncoder computes the features of one batch after another.
type frozenEncoder struct {
	network *model.Network
	machine engine.Machine
}

// newFrozenEncoder compiles the encoder for the batches of linear_augmented. The caller closes its machine.
func newFrozenEncoder(spec *experiment.Spec, s *State, o Options) (*frozenEncoder, error) {
	network, err := model.NewEncoder(spec.Encoder,
		model.Options{Batch: spec.LinearAugmented.BatchSize, Size: spec.Augment.Size})
	if err != nil {
		return nil, fmt.Errorf("build the encoder: %w", err)
	}
	machine, err := inference{network: network, output: network.Features}.machine(s, o)
	if err != nil {
		return nil, inBatches(err, "linear_augmented.batch_size", spec.LinearAugmented.BatchSize, 0)
	}
	return &frozenEncoder{network, machine}, nil
}

// features are the outputs [B, D] for the batch that its leaf holds, valid until the next.
func (e *frozenEncoder) features() ([]float32, error) {
	if err := e.machine.RunAll(); err != nil {
		return nil, fmt.Errorf("run the frozen encoder: %w", err)
	}
	return e.machine.Values(e.network.Features), nil
}
