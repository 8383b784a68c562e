package activities

import (
	"context"
	"fmt"

	"twinview/experiment"
	"twinview/telemetry"
	"twinview/train"
)

// FinetuneEpoch trains the whole network for one epoch on labelled images, from the checkpoint in.From or, in the first
// epoch, from the selected encoder with a new classifier; then it measures the validation split and publishes the new
// checkpoint. An arm of the ablation trains on part of the images, and may start from scratch.
func (a *Activities) FinetuneEpoch(ctx context.Context, in experiment.FinetuneEpochInput) (experiment.ClassifierEpoch, error) {
	first := experiment.Heartbeat{Stage: in.Stage(), Epoch: in.Epoch, Hardware: a.Hardware}
	return attempt(ctx, a, first, func(ctx context.Context, p *pulse) (experiment.ClassifierEpoch, error) {
		key := epochKey(in.Spec.Name, in.Stage(), in.Epoch)
		from := origin{Data: in.Data.SHA256, From: in.Best.Checkpoint.SHA256}
		if in.Arm != nil && in.Arm.Start == experiment.FromScratch {
			from.From = ""
		}
		if in.From != nil {
			from.From = in.From.SHA256
		}
		k := a.newKeeper(ctx, &in.Spec, key, p)
		r, err := epoch(ctx, k, from, func() (*train.State, experiment.ClassifierEpoch, error) {
			return a.finetune(ctx, in, k)
		})
		r.Result.Checkpoint, r.Result.Queue = &r.Artifact, a.Queue
		return r.Result, err
	})
}

// finetune computes the epoch without publishing anything.
func (a *Activities) finetune(
	ctx context.Context, in experiment.FinetuneEpochInput, k *keeper,
) (*train.State, experiment.ClassifierEpoch, error) {
	fail := func(err error) (*train.State, experiment.ClassifierEpoch, error) {
		return nil, experiment.ClassifierEpoch{}, err
	}
	k.measure()
	o := k.options(&in.Spec)
	split, err := a.split(ctx, &in.Spec, in.Data)
	if err != nil {
		return fail(err)
	}
	s, err := k.state(in.Epoch, func() (*train.State, error) { return a.finetuneState(ctx, in) })
	if err != nil {
		return fail(err)
	}
	images := split.Train
	if in.Arm != nil {
		images = images.Head(in.Arm.Labels(images.Len()))
	}
	training, end := telemetry.Span(ctx, spanTrain)
	stats, err := train.FinetuneEpoch(training, &in.Spec, images, s, o)
	end(err)
	if err != nil {
		return fail(fmt.Errorf("fine-tune epoch %d: %w", in.Epoch, err))
	}
	score, err := train.Score(ctx, &in.Spec, len(in.Data.Classes), split.Validation, s, o)
	if err != nil {
		return fail(fmt.Errorf("measure the validation split in epoch %d: %w", in.Epoch, err))
	}
	a.Metrics.Validation(in.Stage(), score.Accuracy)
	return s, experiment.ClassifierEpoch{
		Epoch: in.Epoch, TrainLoss: stats.Loss, TrainAccuracy: stats.Accuracy,
		ValidationLoss: score.Loss, ValidationAccuracy: score.Accuracy, Seconds: stats.Seconds,
		Size:  stats.Size,
		Usage: k.used(),
	}, nil
}

func (a *Activities) finetuneState(ctx context.Context, in experiment.FinetuneEpochInput) (*train.State, error) {
	if in.From != nil {
		return a.state(ctx, *in.From)
	}
	if in.Arm != nil && in.Arm.Start == experiment.FromScratch {
		s, err := train.NewArmState(&in.Spec, *in.Arm, len(in.Data.Classes), nil)
		return s, wrap(err, "start "+in.Stage())
	}
	pretrained, err := a.state(ctx, in.Best.Checkpoint)
	if err != nil {
		return nil, err
	}
	if in.Arm != nil {
		s, err := train.NewArmState(&in.Spec, *in.Arm, len(in.Data.Classes), pretrained)
		return s, wrap(err, "start "+in.Stage())
	}
	s, err := train.NewFinetuneState(&in.Spec, len(in.Data.Classes), pretrained)
	return s, wrap(err, "start fine-tuning")
}
