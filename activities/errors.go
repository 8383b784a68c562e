package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
	"twinview/storage"
	"twinview/train"
)

// Types of errors that are retried.
const (
	errorStopping    = "Stopping"
	errorPaused      = "Paused"
	errorReset       = "Reset"
	errorUnreachable = "Unreachable"
	errorStore       = "Store"
	errorUnsupported = "Unsupported"
	errorMemory      = "Memory"
	errorDevice      = "Device"
	errorUnexpected  = "Unexpected"
)

// unexpectedAttempts is how often an error that nobody foresaw is tried again before it counts as permanent.
const unexpectedAttempts = 5

// messageMost is the length of a message in bytes. One that quotes a file may be as long as that, and Temporal, which takes
// a few megabytes, would never hear of the failure.
const messageMost = 8 << 10

// message is the text of an error as Temporal takes it.
func message(err error) string {
	text := err.Error()
	if len(text) > messageMost {
		text = text[:messageMost] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// badSpec is the error of a spec that turns out not to fit the data.
type badSpec struct{ error }

func badSpecf(format string, args ...any) error { return badSpec{fmt.Errorf(format, args...)} }

// permanent maps the errors that no retry helps to their types.
var permanent = []struct {
	err  error
	kind string
}{
	{train.ErrDiverged, experiment.ErrorDiverged},
	{train.ErrTooFewImages, experiment.ErrorBadSpec},
	{train.ErrWeights, experiment.ErrorBadSpec},
	{train.ErrOtherState, experiment.ErrorConflict},
	{dataset.ErrDigest, experiment.ErrorBadData},
	{dataset.ErrArchive, experiment.ErrorBadData},
	{dataset.ErrImages, experiment.ErrorBadData},
	{dataset.ErrPrepared, experiment.ErrorBadData},
	{storage.ErrCorrupt, experiment.ErrorCorruptArtifact},
	// What is not corrupt was given so: the initial weights.
	{checkpoint.ErrTorch, experiment.ErrorBadData},
	{checkpoint.ErrSafetensors, experiment.ErrorBadData},
	// Every key that an activity asks for was published before: what is missing has been removed by someone.
	{storage.ErrNotFound, experiment.ErrorCorruptArtifact},
	{storage.ErrConflict, experiment.ErrorConflict},
}

// interruption tells apart what ended an attempt from outside. Only a cancelled or terminated experiment, and a timeout,
// which the server knows of, end as the context does; what is handed back is tried again.
func interruption(ctx context.Context) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errStopping), errors.Is(cause, worker.ErrWorkerShutdown):
		return temporal.NewApplicationErrorWithOptions(errStopping.Error(), errorStopping,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Second})
	case errors.Is(cause, activity.ErrActivityPaused):
		return temporal.NewApplicationError("paused: another attempt goes on from the last checkpoint", errorPaused)
	case errors.Is(cause, activity.ErrActivityReset):
		return temporal.NewApplicationError("reset: another attempt begins", errorReset)
	case temporal.IsCanceledError(cause), errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, context.Canceled):
		return ctx.Err()
	}
	// A heartbeat that the server did not take: it does not answer, or has given this attempt up.
	return temporal.NewApplicationError(fmt.Sprintf("Temporal takes no heartbeat: %v", cause), errorUnreachable)
}

// details are what a workflow learns of an error beside its type and message.
func details(err error) []any {
	var l lost
	if errors.As(err, &l) {
		return []any{l.artifact}
	}
	var d *train.DivergedError
	if errors.As(err, &d) {
		return []any{experiment.Diverged{Epoch: d.Epoch, Step: d.Step, Loss: fmt.Sprint(d.Loss)}}
	}
	return nil
}

// classify turns err into what Temporal should do about it: an ApplicationError of one of the types of package experiment
// fails the workflow, any other is tried again. attempt is the number of this one, unexpected counts the errors that nobody
// foresaw, with this one.
func classify(ctx context.Context, err error, attempt int32, unexpected func() int) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return interruption(ctx)
	}
	if errors.As(err, new(badSpec)) {
		return temporal.NewNonRetryableApplicationError(message(err), experiment.ErrorBadSpec, nil)
	}
	for _, p := range permanent {
		if errors.Is(err, p.err) {
			return temporal.NewNonRetryableApplicationError(message(err), p.kind, nil, details(err)...)
		}
	}
	// A worker on another CPU, or one of a newer version, may come.
	if errors.Is(err, engine.ErrUnsupported) || errors.As(err, new(*experiment.VersionError)) {
		return tryAgain(err, errorUnsupported, attempt)
	}
	// A worker whose device has more memory may come, or others give back theirs.
	if errors.As(err, new(*engine.MemoryError)) {
		return tryAgain(err, errorMemory, attempt)
	}
	// This worker is about to end.
	if errors.Is(err, engine.ErrDeviceLost) {
		return tryAgain(err, errorDevice, attempt)
	}
	if storage.Retryable(err) {
		return tryAgain(err, errorUnreachable, attempt)
	}
	// A bucket is made, a certificate renewed, a worker given other credentials: the experiment waits for that.
	if storage.Mendable(err) {
		return tryAgain(err, errorStore, attempt)
	}
	if n := unexpected(); n >= unexpectedAttempts {
		err = fmt.Errorf("given up after %d attempts: %w", n, err)
		return temporal.NewNonRetryableApplicationError(message(err), errorUnexpected, nil)
	}
	return tryAgain(err, errorUnexpected, attempt)
}

// longestWait is the longest that an attempt waits for what somebody has to mend.
const longestWait = 30 * time.Second

// tryAgain is the error of an attempt that another one should follow, later with each that fails. Where an attempt could not
// say so, because its worker is gone, the workflows' policy has the next one begin at once.
func tryAgain(err error, kind string, attempt int32) error {
	wait := min(longestWait, time.Second<<min(max(attempt-1, 0), 5))
	return temporal.NewApplicationErrorWithOptions(message(err), kind, temporal.ApplicationErrorOptions{NextRetryDelay: wait})
}
