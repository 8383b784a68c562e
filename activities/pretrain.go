package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/telemetry"
	"twinview/train"
)

// PretrainEpoch trains one epoch from the checkpoint in.From, or from initial weights where there is none, measures
// validation kNN accuracy when it is due, and publishes the new checkpoint. Epoch 0 is the initial weights themselves.
func (a *Activities) PretrainEpoch(ctx context.Context, in experiment.PretrainEpochInput) (experiment.PretrainEpoch, error) {
	work := a.pretrainWork(in)
	return attempt(ctx, a, work.at, func(ctx context.Context, p *pulse) (experiment.PretrainEpoch, error) {
		r, err := epoch(ctx, a, p, work, a.pretrainWorkBehind(in))
		if err == nil && in.Retry != nil {
			// What the try that diverged has left inside the epoch.
			a.newKeeper(ctx, &in.Spec, epochKey(in.Spec.Name, pretrainFolder(nil), in.Epoch), p).discard()
		}
		r.Result.Checkpoint, r.Result.Queue = r.Artifact, a.Queue
		return r.Result, err
	})
}

func (a *Activities) pretrainWork(in experiment.PretrainEpochInput) epochWork[experiment.PretrainEpoch] {
	w := epochWork[experiment.PretrainEpoch]{
		at:   experiment.Heartbeat{Stage: experiment.StagePretrain, Epoch: in.Epoch, Hardware: a.Hardware},
		spec: &in.Spec, key: epochKey(in.Spec.Name, pretrainFolder(in.Retry), in.Epoch),
		from: origin{Data: in.Data.SHA256},
		train: func(ctx context.Context, k *keeper) (*train.State, experiment.PretrainEpoch, error) {
			return a.pretrain(ctx, in, k)
		},
		tell: func(e experiment.PretrainEpoch) { a.Metrics.KNN(e.KNN) },
	}
	if in.From != nil {
		w.from.From = in.From.SHA256
	} else if in.Data.Weights != nil {
		w.from.From = in.Data.Weights.SHA256
	}
	if in.Retry != nil {
		w.from.RateFactor = in.Retry.RateFactor
	}
	return w
}

// pretrainWorkBehind is the epoch behind that of in, from a checkpoint that is yet to come; nil where none is planned.
func (a *Activities) pretrainWorkBehind(in experiment.PretrainEpochInput) *epochWork[experiment.PretrainEpoch] {
	if in.Epoch >= in.Spec.Pretrain.Epochs {
		return nil
	}
	in.Epoch, in.From = in.Epoch+1, &experiment.Artifact{}
	w := a.pretrainWork(in)
	return &w
}

// pretrain computes the epoch without publishing anything.
func (a *Activities) pretrain(
	ctx context.Context, in experiment.PretrainEpochInput, k *keeper,
) (*train.State, experiment.PretrainEpoch, error) {
	fail := func(err error) (*train.State, experiment.PretrainEpoch, error) {
		return nil, experiment.PretrainEpoch{}, err
	}
	k.measure(ctx)
	o := k.options(&in.Spec)
	split, err := a.split(ctx, &in.Spec, in.Data)
	if err != nil {
		return fail(err)
	}
	s, err := k.state(in.Epoch, func() (*train.State, error) { return a.pretrainState(ctx, in) })
	if err != nil {
		return fail(err)
	}
	if err := checkRate(s, in.Retry); err != nil {
		return fail(err)
	}
	trainedSome := in.From != nil || s.StepsDone() > 0
	var stats train.EpochStats
	if in.Epoch > 0 {
		training, end := telemetry.Span(ctx, spanTrain)
		stats, err = train.PretrainEpoch(training, &in.Spec, split.Train, s, o)
		end(err)
		if err != nil {
			return fail(tooLarge(fmt.Errorf("pretrain epoch %d: %w", in.Epoch, err), trainedSome))
		}
	}
	result := experiment.PretrainEpoch{
		Epoch: in.Epoch, Planned: in.Spec.Pretrain.In(in.Epoch).Epochs, Step: s.Step, Size: stats.Size,
		Loss: stats.Loss, LearningRate: stats.LearningRate,
		Seconds: stats.Seconds, ViewsPerSecond: stats.ViewsPerSecond, DataWaitSeconds: stats.DataWaitSeconds,
		Kernels: stats.Kernels.String(), Worker: a.Identity,
	}
	if monitored(&in.Spec, in.Epoch) {
		if err := monitor(ctx, &in.Spec, split, s, len(in.Data.Classes), o, &result); err != nil {
			return fail(tooLarge(err, trainedSome))
		}
	}
	result.Usage = k.used()
	return s, result, nil
}

// tooLarge makes a batch that does not fit into the device's memory an error of the spec, at the very beginning: nothing has been
// trained that would be lost. Later it waits for a device with more memory, or until this one has more of it free.
func tooLarge(err error, trainedSome bool) error {
	if trainedSome || !errors.As(err, new(*train.MemoryError)) {
		return err
	}
	return badSpec{err}
}

// pretrainState is the state before the epoch. The epoch that diverged reduces its rates, those behind it find them so.
func (a *Activities) pretrainState(ctx context.Context, in experiment.PretrainEpochInput) (s *train.State, err error) {
	if in.From != nil {
		s, err = a.state(ctx, *in.From)
	} else {
		s, err = a.initialState(ctx, &in.Spec, in.Data.Weights)
	}
	if err != nil || in.Retry == nil || in.Retry.Epoch != in.Epoch {
		return s, err
	}
	a.Metrics.RollBack(telemetry.Diverged)
	return s, s.ReduceRate(in.Retry.RateFactor)
}

// checkRate refuses a state of the try that the epoch is not of.
func checkRate(s *train.State, r *experiment.Retry) error {
	want := 1.
	if r != nil {
		want = r.RateFactor
	}
	if got := s.RateFactor(); got != want {
		return fmt.Errorf("%w: its learning rates are multiplied by %v, but %v is asked for", train.ErrOtherState, got, want)
	}
	return nil
}

// monitored says whether an epoch's kNN accuracy is measured. That of the one planned as the last always is, where there are
// labels.
func monitored(spec *experiment.Spec, epoch int) bool {
	if !spec.Dataset.Labelled() {
		return false
	}
	return epoch == spec.Pretrain.In(epoch).Epochs || epoch%spec.KNN.EveryEpochs == 0
}

// monitor adds the accuracy on the validation split to the epoch that led to s.
func monitor(
	ctx context.Context, spec *experiment.Spec, split dataset.Split, s *train.State, classes int, o train.Options,
	e *experiment.PretrainEpoch,
) error {
	knn, start := spec.KNN, time.Now()
	queries := split.Validation.Head(knn.ValidationImages)
	measuring, end := telemetry.Span(ctx, spanMonitor)
	accuracy, err := train.EncoderKNN(measuring, spec, split.Train.Head(knn.TrainImages), queries, s, classes, o)
	end(err)
	if err != nil {
		return fmt.Errorf("monitor epoch %d: %w", e.Epoch, err)
	}
	e.KNN, e.KNNSeconds = &accuracy, time.Since(start).Seconds()
	return nil
}

// MonitorEpoch measures the validation kNN accuracy of an epoch that was trained without, from its checkpoint, and returns
// the epoch with it: the last one of a pretraining that was stopped early can be selected as any other.
func (a *Activities) MonitorEpoch(ctx context.Context, in experiment.MonitorEpochInput) (experiment.PretrainEpoch, error) {
	first := experiment.Heartbeat{Stage: experiment.StagePretrain, Epoch: in.Epoch.Epoch, Hardware: a.Hardware}
	return attempt(ctx, a, first, func(ctx context.Context, p *pulse) (experiment.PretrainEpoch, error) {
		a.ahead.stop()
		split, err := a.split(ctx, &in.Spec, in.Data)
		if err != nil {
			return in.Epoch, err
		}
		s, err := a.state(ctx, in.Epoch.Checkpoint)
		if err != nil {
			return in.Epoch, err
		}
		o := a.options(&in.Spec, p.report)
		err = monitor(ctx, &in.Spec, split, s, len(in.Data.Classes), o, &in.Epoch)
		a.Metrics.KNN(in.Epoch.KNN)
		return in.Epoch, err
	})
}
