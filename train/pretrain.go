package train

import (
	"context"
	"errors"
	"fmt"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/model"
)

// NewPretrainState returns the state before the first epoch of pretraining, a function of the spec alone.
func NewPretrainState(spec *experiment.Spec) (*State, error) {
	network, err := pretrainNetwork(spec, spec.Augment.Size)
	if err != nil {
		return nil, err
	}
	model.Initialise(network, spec.Seed)
	rule, err := newOptimizer(spec.Pretrain.Optimizer)
	if err != nil {
		return nil, fmt.Errorf("pretrain.%w", err)
	}
	return newState(spec, experiment.StagePretrain, network, rule)
}

// PretrainEpoch trains encoder and projection head for one epoch: batches of pretrain.batch_size images in random order,
// augment.views views of each, in the size that pretrain.progressive_resizing gives the epoch; the last, incomplete batch is
// left out. The learning rate follows the schedule over the number of epochs that pretraining was to have when this one was
// trained, see experiment.Pretrain.In. It advances s by the epoch; on an error s is as it was.
//
// Errors: DivergedError; ErrTooFewImages where a batch is larger than the set, MemoryError where it is too large for the device;
// ErrOtherState where s is not of this spec; the context's, at most one step after it is done.
func PretrainEpoch(
	ctx context.Context, spec *experiment.Spec, images dataset.Images, s *State, o Options,
) (EpochStats, error) {
	p := spec.Pretrain.In(s.Epoch + 1)
	size := experiment.ViewSize(p.ProgressiveResizing, s.Epoch, spec.Augment.Size)
	plan := epochPlan{
		stage: experiment.StagePretrain, epochs: p.Epochs, batchSize: p.BatchSize,
		optimizer: p.Optimizer, schedule: p.Schedule,
		views: pretrainViews(spec.Augment), size: size,
		order: dataset.PretrainOrder, purpose: dataset.PretrainView,
		network: func() (*model.Network, error) { return pretrainNetwork(spec, size) },
	}
	stats, err := plan.run(ctx, spec, images, s, o)
	if diverged := (*DivergedError)(nil); errors.As(err, &diverged) {
		diverged.advise(spec, s)
	}
	return stats, err
}

func pretrainNetwork(spec *experiment.Spec, size int) (*model.Network, error) {
	views := spec.Augment.ViewsPerImage()
	network, err := model.NewPretraining(spec.Encoder, spec.Method,
		model.Options{Batch: views * spec.Pretrain.BatchSize, Views: views, Size: size})
	if err != nil {
		return nil, fmt.Errorf("build the network of %s: %w", spec.Method.Name, err)
	}
	return network, nil
}

// pretrainViews are the distributions of an image's views: the two in turns.
func pretrainViews(a experiment.Augment) []experiment.View {
	views := make([]experiment.View, a.ViewsPerImage())
	for v := range views {
		views[v] = a.FirstView
		if v%2 == 1 && a.SecondView != nil {
			views[v] = *a.SecondView
		}
	}
	return views
}
