package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"twinview/experiment"
)

// heartbeatInterval is well inside the workflows' heartbeat timeout of 30 s. The SDK sends fewer where the worker's
// options throttle them.
const heartbeatInterval = 3 * time.Second

// errStopping is the cause of a context that ends because its worker does.
var errStopping = errors.New("the worker is stopping: another attempt goes on from the last checkpoint")

// attempt does the work of one activity attempt. While it lasts, a heartbeat goes out every few seconds with the newest
// position that the work has reported, also during a long compilation or download that reports none. The work's context
// ends when the activity is cancelled, when it has timed out, and when the worker stops. The error comes out classified.
func attempt[T any](
	ctx context.Context, first experiment.Heartbeat, work func(context.Context, func(experiment.Heartbeat)) (T, error),
) (T, error) {
	info := activity.GetInfo(ctx)
	log := activity.GetLogger(ctx)
	log.Info("begin", "stage", first.Stage, "epoch", first.Epoch, "attempt", info.Attempt)
	start := time.Now()

	var position atomic.Pointer[experiment.Heartbeat]
	position.Store(&first)
	working, cancel := context.WithCancelCause(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		beat(working, cancel, activity.GetWorkerStopChannel(ctx), &position, func(h experiment.Heartbeat) {
			activity.RecordHeartbeat(working, h)
		})
	})
	result, err := guard(func() (T, error) {
		return work(working, func(h experiment.Heartbeat) { position.Store(&h) })
	})
	err = classify(working, info.Attempt, err)
	cancel(nil)
	beating.Wait()
	if err != nil {
		log.Warn("attempt ended", "stage", first.Stage, "epoch", first.Epoch, "attempt", info.Attempt, "error", err)
		return result, err
	}
	log.Info("end", "stage", first.Stage, "epoch", first.Epoch, "seconds", time.Since(start).Seconds())
	return result, nil
}

// beat sends the position every few seconds until ctx ends, and ends it when the worker stops.
func beat(
	ctx context.Context, cancel context.CancelCauseFunc, stop <-chan struct{},
	position *atomic.Pointer[experiment.Heartbeat], send func(experiment.Heartbeat),
) {
	tick := time.NewTicker(heartbeatInterval)
	defer tick.Stop()
	for {
		send(*position.Load())
		select {
		case <-tick.C:
		case <-stop:
			cancel(errStopping)
			return
		case <-ctx.Done():
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
