package activities

import (
	"context"
	"fmt"

	"twinview/experiment"
	"twinview/telemetry"
	"twinview/train"
)

// LinearAugmentedEpoch trains a linear classifier for one epoch on the frozen outputs of the selected encoder for augmented
// images, from the checkpoint in.From or, in the first epoch, anew; then it measures the validation split and publishes
// the new checkpoint, which holds the classifier alone.
func (a *Activities) LinearAugmentedEpoch(
	ctx context.Context, in experiment.LinearAugmentedEpochInput,
) (experiment.ClassifierEpoch, error) {
	work := a.linearAugmentedWork(in)
	return attempt(ctx, a, work.at, func(ctx context.Context, p *pulse) (experiment.ClassifierEpoch, error) {
		r, err := epoch(ctx, a, p, work, a.linearAugmentedWorkBehind(in))
		r.Result.Checkpoint, r.Result.Queue = &r.Artifact, a.Queue
		return r.Result, err
	})
}

func (a *Activities) linearAugmentedWork(in experiment.LinearAugmentedEpochInput) epochWork[experiment.ClassifierEpoch] {
	w := epochWork[experiment.ClassifierEpoch]{
		at:   experiment.Heartbeat{Stage: experiment.StageLinearAugmented, Epoch: in.Epoch, Hardware: a.Hardware},
		spec: &in.Spec, key: epochKey(in.Spec.Name, experiment.StageLinearAugmented, in.Epoch),
		from: origin{Data: in.Data.SHA256, From: in.Best.Checkpoint.SHA256},
		train: func(ctx context.Context, k *keeper) (*train.State, experiment.ClassifierEpoch, error) {
			return a.linearAugmented(ctx, in, k)
		},
		tell: func(e experiment.ClassifierEpoch) {
			a.Metrics.Validation(experiment.StageLinearAugmented, e.ValidationAccuracy)
		},
	}
	if in.From != nil {
		w.from.From = in.From.SHA256
	}
	return w
}

// linearAugmentedWorkBehind is the epoch behind that of in, from a checkpoint that is yet to come; nil where none is planned.
func (a *Activities) linearAugmentedWorkBehind(
	in experiment.LinearAugmentedEpochInput,
) *epochWork[experiment.ClassifierEpoch] {
	if in.Epoch >= in.Spec.LinearAugmented.Epochs {
		return nil
	}
	in.Epoch, in.From = in.Epoch+1, &experiment.Artifact{}
	w := a.linearAugmentedWork(in)
	return &w
}

// linearAugmented computes the epoch without publishing anything.
func (a *Activities) linearAugmented(
	ctx context.Context, in experiment.LinearAugmentedEpochInput, k *keeper,
) (*train.State, experiment.ClassifierEpoch, error) {
	fail := func(err error) (*train.State, experiment.ClassifierEpoch, error) {
		return nil, experiment.ClassifierEpoch{}, err
	}
	k.measure(ctx)
	o := k.options(&in.Spec)
	split, err := a.split(ctx, &in.Spec, in.Data)
	if err != nil {
		return fail(err)
	}
	s, err := k.state(in.Epoch, func() (*train.State, error) { return a.linearAugmentedState(ctx, in) })
	if err != nil {
		return fail(err)
	}
	encoder, err := a.state(ctx, in.Best.Checkpoint)
	if err != nil {
		return fail(err)
	}
	training, end := telemetry.Span(ctx, spanTrain)
	stats, err := train.LinearAugmentedEpoch(training, &in.Spec, split.Train, encoder, s, o)
	end(err)
	if err != nil {
		return fail(fmt.Errorf("linear evaluation with augmentation, epoch %d: %w", in.Epoch, err))
	}
	validation, err := train.LabelledFeatures(ctx, &in.Spec, split.Validation, encoder, o)
	if err != nil {
		return fail(err)
	}
	head, err := s.Head()
	if err != nil {
		return fail(err)
	}
	score := train.ScoreHead(head, validation)
	return s, experiment.ClassifierEpoch{
		Epoch: in.Epoch, TrainLoss: stats.Loss, TrainAccuracy: stats.Accuracy,
		ValidationLoss: score.Loss, ValidationAccuracy: score.Accuracy, Seconds: stats.Seconds,
		Usage: k.used(),
	}, nil
}

func (a *Activities) linearAugmentedState(
	ctx context.Context, in experiment.LinearAugmentedEpochInput,
) (*train.State, error) {
	if in.From != nil {
		return a.state(ctx, *in.From)
	}
	s, err := train.NewLinearAugmentedState(&in.Spec, len(in.Data.Classes))
	return s, wrap(err, "start linear evaluation with augmentation")
}

// SelectLinearAugmented chooses the epoch with the highest validation accuracy, the earliest of equals, and publishes the
// encoder with its classifier as a PyTorch state dict.
func (a *Activities) SelectLinearAugmented(
	ctx context.Context, in experiment.SelectLinearAugmentedInput,
) (experiment.Selection, error) {
	first := experiment.Heartbeat{Stage: experiment.StageLinearAugmented}
	return attempt(ctx, a, first, func(ctx context.Context, _ *pulse) (experiment.Selection, error) {
		s, err := experiment.SelectClassifier(in.Epochs)
		if err != nil {
			return s, err
		}
		s.Checkpoint = *in.Epochs[s.Epoch-1].Checkpoint
		encoder, err := a.state(ctx, in.Best.Checkpoint)
		if err != nil {
			return s, err
		}
		head, err := a.head(ctx, s.Checkpoint)
		if err != nil {
			return s, err
		}
		key := key(in.Spec.Name, modelFile(in.Spec.Method, "lin_augmented_best"))
		s.Model, err = putModel(ctx, a.Store, key, withHead(encoder.StateDict(), head))
		return s, err
	})
}

// head reads the classifier of an epoch.
func (a *Activities) head(ctx context.Context, checkpoint experiment.Artifact) (train.Head, error) {
	s, err := a.state(ctx, checkpoint)
	if err != nil {
		return train.Head{}, err
	}
	return s.Head()
}
