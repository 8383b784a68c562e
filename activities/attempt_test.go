package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"twinview/checkpoint"
	"twinview/engine"
	"twinview/experiment"
	"twinview/storage"
)

// runWork runs work as an activity called "work".
func runWork(t *testing.T, stop chan struct{}, work func(context.Context, *pulse) (int, error)) error {
	t.Helper()
	env := newEnvironment(&Activities{})
	env.SetWorkerStopChannel(stop)
	env.RegisterActivityWithOptions(func(ctx context.Context) (int, error) {
		return attempt(ctx, &Activities{}, experiment.Heartbeat{Stage: "begin"}, work)
	}, activity.RegisterOptions{Name: "work"})
	_, err := env.ExecuteActivity("work")
	return err
}

// The work reports nothing for longer than the workflows' heartbeat timeout, as a long compilation does.
func TestHeartbeatsGoOutDuringLongSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		p := &pulse{send: func(h experiment.Heartbeat) {
			require.Equal(t, 7, h.Step)
			require.Equal(t, "2 processors", h.Hardware, "work that reports knows nothing of the machine")
			sent.Add(1)
		}, newest: experiment.Heartbeat{Hardware: "2 processors"}}
		p.report(experiment.Heartbeat{Step: 7})
		ctx, cancel := context.WithCancelCause(t.Context())
		done, stop := make(chan struct{}), make(chan struct{})
		go beat(done, cancel, stop, p)
		time.Sleep(time.Minute)
		close(stop)
		synctest.Wait()
		require.ErrorIs(t, context.Cause(ctx), errStopping)
		before := sent.Load()
		require.GreaterOrEqual(t, before, int64(19))
		time.Sleep(time.Minute)
		close(done)
		synctest.Wait()
		require.GreaterOrEqual(t, sent.Load(), before+19, "work that hands back what it has is alive")
	})
}

func TestStoppingWorkerHandsItsWorkBack(t *testing.T) {
	stop := make(chan struct{})
	err := runWork(t, stop, func(ctx context.Context, _ *pulse) (int, error) {
		close(stop)
		<-ctx.Done()
		return 0, ctx.Err()
	})
	requireType(t, err, errorStopping, true)
}

func TestPanicIsAnError(t *testing.T) {
	err := runWork(t, nil, func(context.Context, *pulse) (int, error) { panic("shape mismatch") })
	requireType(t, err, errorUnexpected, true)
	require.ErrorContains(t, err, "shape mismatch")
}

// A file can name a tensor in megabytes of anything; Temporal takes neither as a message.
func TestMessagesAreShortText(t *testing.T) {
	long := fmt.Errorf("%w: tensor %s\xff", checkpoint.ErrSafetensors, strings.Repeat("ü", 1<<20))
	err := classify(t.Context(), long, 1, counted(1))
	requireType(t, err, experiment.ErrorBadData, false)
	require.Less(t, len(err.Error()), 10_000)
	require.True(t, utf8.ValidString(err.Error()))
	require.ErrorContains(t, err, "malformed safetensors: tensor ü")
}

func TestUnreachableStoreIsWaitedFor(t *testing.T) {
	for _, lost := range []error{storage.ErrUnreachable, storage.ErrFull} {
		err := classify(t.Context(), fmt.Errorf("store checkpoint: %w", lost), 1, counted(1000))
		requireType(t, err, errorUnreachable, true)
	}
	for _, mendable := range []error{storage.ErrNoBucket, storage.ErrAccess, storage.ErrEndpoint} {
		err := classify(t.Context(), fmt.Errorf("store checkpoint: %w", mendable), 1, counted(1000))
		requireType(t, err, errorStore, true)
	}
	for _, lost := range []error{storage.ErrNotFound, storage.ErrCorrupt} {
		err := classify(t.Context(), fmt.Errorf("read checkpoint: %w", lost), 1, counted(1))
		requireType(t, err, experiment.ErrorCorruptArtifact, false)
	}
}

// TestUnsupportedKernelsWaitForAnotherWorker: one on a CPU that has the instructions may come at any time.
func TestUnsupportedKernelsWaitForAnotherWorker(t *testing.T) {
	err := classify(t.Context(), fmt.Errorf("run: %w", engine.ErrDeviceLost), 1, counted(1000))
	requireType(t, err, errorDevice, true)
	err = classify(t.Context(), fmt.Errorf("compile: %w", engine.ErrUnsupported), 1, counted(1000))
	requireType(t, err, errorUnsupported, true)
}

func TestUnexpectedErrorIsTriedAgainALimitedNumberOfTimes(t *testing.T) {
	unexpected := errors.New("no idea")
	requireType(t, classify(t.Context(), unexpected, 1, counted(1)), errorUnexpected, true)
	requireType(t, classify(t.Context(), unexpected, 1, counted(unexpectedAttempts)), errorUnexpected, false)
}

// counted stands for that many errors that nobody foresaw.
// What somebody has to mend is asked for less often with each attempt, but never given up.
func TestAttemptsThatFailWaitLonger(t *testing.T) {
	for attempt, want := range map[int32]time.Duration{
		1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 6: longestWait, 1 << 20: longestWait,
	} {
		err := classify(t.Context(), fmt.Errorf("store checkpoint: %w", storage.ErrUnreachable), attempt, counted(1))
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		require.Equal(t, want, application.NextRetryDelay(), "attempt %d", attempt)
	}
}

func counted(n int) func() int { return func() int { return n } }

// Attempts that ended otherwise, as the store or the worker went away, don't count.
func TestUnexpectedErrorsAreCountedAlone(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	for _, c := range []struct {
		before    int
		retryable bool
	}{{0, true}, {unexpectedAttempts - 2, true}, {unexpectedAttempts - 1, false}} {
		found := experiment.Heartbeat{Unexpected: c.before}
		last, err := pretrainFrom(t, idle(t, s), in, nil, &found)
		requireType(t, err, errorUnexpected, c.retryable)
		require.Equal(t, c.before+1, last.Unexpected)
	}
}
