package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// divergence is what err tells of one, nil where err is about something else.
func divergence(err error) *experiment.Diverged {
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || application.Type() != experiment.ErrorDiverged || !application.HasDetails() {
		return nil
	}
	var d experiment.Diverged
	if application.Details(&d) != nil {
		return nil
	}
	return &d
}

// retry says whether pretraining goes on after this failure, with smaller learning rates from the epoch on that has diverged: the
// spec must allow it, and it is done once.
func (in *PretrainingInput) retry(ctx workflow.Context, failure error) bool {
	d, allowed := divergence(failure), in.Spec.Pretrain.Divergence
	if d == nil || allowed == nil || in.Retry != nil {
		return false
	}
	in.Retry = &experiment.Retry{Diverged: *d, RateFactor: allowed.RateFactor}
	workflow.GetLogger(ctx).Warn("training diverged: go back to the checkpoint before, with smaller learning rates",
		"epoch", d.Epoch, "step", d.Step, "loss", d.Loss, "rate_factor", allowed.RateFactor)
	tell(ctx, Report{Retry: in.Retry})
	return true
}

// retryOf is the retry that an epoch belongs to: those before the one that diverged have none.
func (in *PretrainingInput) retryOf(epoch int) *experiment.Retry {
	if in.Retry == nil || epoch < in.Retry.Epoch {
		return nil
	}
	return in.Retry
}
