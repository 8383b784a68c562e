package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
	"twinview/telemetry"
)

// Names of spans inside an attempt's. What goes over the network has spans of package storage.
const (
	spanTrain      = "train"
	spanMonitor    = "monitor"
	spanCheckpoint = "checkpoint"
)

// HeartbeatInterval is well inside the workflows' heartbeat timeout of 10 s. The SDK sends fewer where the worker's
// options throttle them more.
const HeartbeatInterval = 3 * time.Second

// errStopping is the cause of a context that ends because its worker does.
var errStopping = errors.New("the worker is stopping: another attempt goes on from the last checkpoint")

// attempt does the work of one activity attempt. While it lasts, a heartbeat goes out every few seconds with the newest
// position that the work has reported, also during a long compilation or download that reports none. The work's context
// ends when the activity is cancelled, when it has timed out, and when the worker stops; context.Cause tells which, see
// classify. The error comes out classified.
func attempt[T any](
	ctx context.Context, a *Activities, first experiment.Heartbeat, work func(context.Context, *pulse) (T, error),
) (T, error) {
	info := activity.GetInfo(ctx)
	ctx = withLogger(ctx, first)
	log := logger(ctx)
	log.Info("begin")
	defer a.Metrics.Begin(experiment.NameOf(info.WorkflowExecution.ID), first.Stage, first.Epoch)()
	start := time.Now()

	working, cancel := context.WithCancelCause(ctx)
	p := newPulse(ctx, first)
	done := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() { beat(done, cancel, activity.GetWorkerStopChannel(ctx), p) })
	result, err := guard(func() (T, error) { return work(working, p) })
	err = classify(working, err, info.Attempt, p.unexpected)
	close(done)
	beating.Wait()
	cancel(nil)
	a.Metrics.Attempt(info.ActivityType.Name, outcome(err))
	if err != nil {
		log.Warn("attempt failed", "error", err)
		return result, err
	}
	log.Info("end", "seconds", time.Since(start).Seconds())
	return result, nil
}

// outcome is "ok", or the type of a classified error.
func outcome(err error) string {
	var application *temporal.ApplicationError
	switch {
	case err == nil:
		return telemetry.OK
	case errors.As(err, &application):
		return application.Type()
	}
	return telemetry.Cancelled
}

// beat sends heartbeats every few seconds until the work is done, and cancels it when the worker stops. Work that is handing
// back what it has still lives.
func beat(done <-chan struct{}, cancel context.CancelCauseFunc, stop <-chan struct{}, p *pulse) {
	tick := time.NewTicker(HeartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.beat()
		case <-stop:
			cancel(errStopping)
			stop = nil
		case <-done:
			return
		}
	}
}

// guard turns a panic of a package below into an error, which is then retried a limited number of times.
func guard[T any](work func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return work()
}
