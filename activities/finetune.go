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
	work := a.finetuneWork(in)
	return attempt(ctx, a, work.at, func(ctx context.Context, p *pulse) (experiment.ClassifierEpoch, error) {
		r, err := epoch(ctx, a, p, work, a.finetuneWorkBehind(in))
		r.Result.Checkpoint, r.Result.Queue = &r.Artifact, a.Queue
		return r.Result, err
	})
}

func (a *Activities) finetuneWork(in experiment.FinetuneEpochInput) epochWork[experiment.ClassifierEpoch] {
	w := epochWork[experiment.ClassifierEpoch]{
		at:   experiment.Heartbeat{Stage: in.Stage(), Epoch: in.Epoch, Hardware: a.Hardware},
		spec: &in.Spec, key: epochKey(in.Spec.Name, in.Stage(), in.Epoch),
		from: origin{Data: in.Data.SHA256, From: in.Best.Checkpoint.SHA256},
		train: func(ctx context.Context, k *keeper) (*train.State, experiment.ClassifierEpoch, error) {
			return a.finetune(ctx, in, k)
		},
		tell: func(e experiment.ClassifierEpoch) { a.Metrics.Validation(in.Stage(), e.ValidationAccuracy) },
	}
	if in.Arm != nil && in.Arm.Start == experiment.FromScratch {
		w.from.From = ""
	}
	if in.From != nil {
		w.from.From = in.From.SHA256
	}
	return w
}

// finetuneWorkBehind is the epoch behind that of in, from a checkpoint that is yet to come; nil where none is planned.
func (a *Activities) finetuneWorkBehind(in experiment.FinetuneEpochInput) *epochWork[experiment.ClassifierEpoch] {
	planned := in.Spec.Finetune.Epochs
	if in.Arm != nil {
		planned = in.Spec.Ablation.Epochs
	}
	if in.Epoch >= planned {
		return nil
	}
	in.Epoch, in.From = in.Epoch+1, &experiment.Artifact{}
	w := a.finetuneWork(in)
	return &w
}

// finetune computes the epoch without publishing anything.
func (a *Activities) finetune(
	ctx context.Context, in experiment.FinetuneEpochInput, k *keeper,
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
