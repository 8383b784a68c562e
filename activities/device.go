package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// device is what trains here: one activity at a time has it, whichever task queue it came from. The zero value is free.
type device struct {
	mu sync.Mutex
	// freed is closed when the activity that has the device is done with it, nil while nobody has it.
	freed chan struct{}
}

// take says whether the caller has the device now, and must give it back.
func (d *device) take() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.freed != nil {
		return false
	}
	d.freed = make(chan struct{})
	return true
}

func (d *device) give() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.freed)
	d.freed = nil
}

// awaitFree returns when nobody has the device, or with the context's error.
func (d *device) awaitFree(ctx context.Context) error {
	for {
		d.mu.Lock()
		freed := d.freed
		d.mu.Unlock()
		if freed == nil {
			return ctx.Err()
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// AwaitIdle returns when no activity of RegisterTrain runs here, or with the context's error. A worker that polls several task
// queues for them asks before it polls.
func (a *Activities) AwaitIdle(ctx context.Context) error { return a.device.awaitFree(ctx) }

// alone makes an activity that has the device to itself. When two task queues hand over work at the same moment, one of them
// gets it back at once, for whoever polls next.
func alone[In, Out any](
	a *Activities, f func(context.Context, In) (Out, error),
) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		if !a.device.take() {
			var none Out
			return none, temporal.NewApplicationErrorWithOptions("this worker trains already: it is handed back to the queue",
				experiment.ErrorBusy, temporal.ApplicationErrorOptions{NextRetryDelay: time.Second})
		}
		defer a.device.give()
		return f(ctx, in)
	}
}
