package activities

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"twinview/experiment"
	"twinview/train"
)

// DefaultAhead is far more than Temporal takes to ask for the next epoch, and little to lose where it does not.
const DefaultAhead = 5 * time.Second

// errGivenUp ends an epoch that was begun ahead, also when it is done.
var errGivenUp = errors.New("the epoch that was begun ahead is wanted no more")

// ahead is the epoch that this worker trains before Temporal asks for it: behind an epoch it goes on with the next one while
// the checkpoint is stored and reported. The activity of that epoch takes it over; where another one comes, or none, it is
// given up. Until then it stores nothing, and its bits are those of an epoch that was begun when it was asked for, so nothing
// that is kept differs but by the clock. The zero value is no epoch.
type ahead struct {
	mu    sync.Mutex
	begun *begun
}

// begun is an epoch under way that no activity has asked for yet.
type begun struct {
	// from is that of the epochWork.
	from origin
	// k is the keeper that the training tells of its steps. It has the epoch's key and spec.
	k      *keeper
	cancel context.CancelCauseFunc
	// mu guards claimed: an activity has taken the epoch over, and nobody else may end it.
	mu      sync.Mutex
	claimed bool
	// expiry gives the epoch up where nobody asks for it.
	expiry *time.Timer
	// done is closed when outcome, an epochResult[T], is there and the device is free.
	done    chan struct{}
	outcome any
}

// epochResult is what training an epoch returns.
type epochResult[T any] struct {
	state  *train.State
	result T
	err    error
}

// begin begins the epoch from a state that it does not change, or returns nil where there is none or this worker begins none
// ahead. ctx is the context of the activity before it; the epoch outlasts that.
func begin[T any](ctx context.Context, a *Activities, next *epochWork[T], s *train.State) *begun {
	if next == nil || a.Ahead == 0 || ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithCancelCause(withLogger(context.WithoutCancel(ctx), next.at))
	k := a.newKeeper(ctx, next.spec, next.key, &pulse{newest: next.at, send: func(experiment.Heartbeat) {}})
	given := *s // training works on a copy of what it points to
	k.given, k.attended = &given, false
	b := &begun{from: next.from, k: k, cancel: cancel, done: make(chan struct{})}
	stopping := activity.GetWorkerStopChannel(ctx)
	go func() {
		select {
		case <-stopping:
			b.giveUp(errStopping)
		case <-ctx.Done():
		}
	}()
	go func() {
		defer close(b.done)
		o, err := guard(func() (o epochResult[T], err error) {
			o.state, o.result, err = next.train(ctx, k)
			return o, err
		})
		o.err = err
		b.outcome = o
	}()
	return b
}

// giveUp ends the epoch unless an activity has claimed it.
func (b *begun) giveUp(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.claimed {
		b.cancel(cause)
	}
}

// claim makes the epoch the caller's, unless it has been given up.
func (b *begun) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claimed = b.k.ctx.Err() == nil
	b.expiry.Stop()
	return b.claimed
}

// stop ends the epoch, and returns when it has left the device. A nil one is none.
func (b *begun) stop() {
	if b == nil {
		return
	}
	b.cancel(errGivenUp)
	<-b.done
}

// offer keeps an epoch for its activity, which will ask for it from the checkpoint of that digest.
func (h *ahead) offer(b *begun, sha256 string, wait time.Duration) {
	if b == nil {
		return
	}
	b.from.From = sha256
	b.expiry = time.AfterFunc(wait, func() { b.giveUp(errGivenUp) })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun = b
	context.AfterFunc(b.k.ctx, func() { h.forget(b) })
}

// forget lets go of an epoch that has ended, for its memory.
func (h *ahead) forget(b *begun) {
	<-b.done
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.begun == b {
		h.begun = nil
	}
}

// take returns the epoch if it is the one that is asked for. Any other is given up: the device is the caller's.
func (h *ahead) take(key string, spec *experiment.Spec, from origin) *begun {
	h.mu.Lock()
	b := h.begun
	h.begun = nil
	h.mu.Unlock()
	if b == nil {
		return nil
	}
	wanted := b.k.key == key && b.from == from && reflect.DeepEqual(b.k.spec, spec)
	if wanted && b.claim() {
		return b
	}
	b.stop()
	return nil
}

// stop gives up the epoch, if there is one, and returns when the device is free.
func (h *ahead) stop() { h.take("", nil, origin{}) }

// attend makes the epoch that of the activity whose keeper k is: the end of k's context ends it, its heartbeats go out, and it
// takes checkpoints as any other. It returns the keeper that is to be used in k's place.
func (b *begun) attend(k *keeper) *keeper {
	b.k.attend(k) // first, so that a training which is then ended leaves a checkpoint
	context.AfterFunc(k.ctx, func() { b.cancel(context.Cause(k.ctx)) })
	k.log.Info("the epoch was begun ahead", "step", b.k.p.position().Step)
	return b.k
}

// trained waits for the epoch.
func trained[T any](b *begun) (*train.State, T, error) {
	<-b.done
	o, ok := b.outcome.(epochResult[T])
	if !ok {
		return nil, o.result, fmt.Errorf("epoch %s: %T in place of its outcome", b.k.key, b.outcome)
	}
	b.outcome = nil // the state is the caller's
	return o.state, o.result, o.err
}
