package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"

	"twinview/experiment"
)

// loggerKey is that of an attempt's logger in its context.
type loggerKey struct{}

// withLogger gives the attempt a logger that says what it works on and which attempt it is.
func withLogger(ctx context.Context, at experiment.Heartbeat) context.Context {
	info := activity.GetInfo(ctx)
	return context.WithValue(ctx, loggerKey{}, log.With(activity.GetLogger(ctx),
		"experiment", experiment.NameOf(info.WorkflowExecution.ID), "stage", at.Stage, "epoch", at.Epoch, "attempt", info.Attempt))
}

// logger is the attempt's.
func logger(ctx context.Context) log.Logger {
	if l, ok := ctx.Value(loggerKey{}).(log.Logger); ok {
		return l
	}
	return activity.GetLogger(ctx)
}
