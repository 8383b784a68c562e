package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

func TestOneTrainsAtATime(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	a := newActivities(t, s)
	require.NoError(t, a.AwaitIdle(t.Context()))
	require.True(t, a.device.take())

	_, err := run[experiment.PretrainEpoch](t, a, experiment.ActivityPretrainEpoch, in)
	requireType(t, err, experiment.ErrorBusy, true)
	var handedBack *temporal.ApplicationError
	require.ErrorAs(t, err, &handedBack)
	require.Positive(t, handedBack.NextRetryDelay())

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, a.AwaitIdle(cancelled), context.Canceled)

	waited := make(chan error)
	go func() { waited <- a.AwaitIdle(t.Context()) }()
	a.device.give()
	require.NoError(t, <-waited)
	require.Equal(t, 1, pretrainOn(t, a, in).Epoch)
	require.NoError(t, a.AwaitIdle(t.Context()), "the device has been given back")
}

// The worker that hands over an epoch says where the next one finds its state.
func TestEpochsNameTheQueueOfTheirWorker(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	first, second := newActivities(t, s), idle(t, s)
	first.Queue, second.Queue = "first", "second"
	require.Equal(t, "first", pretrainOn(t, first, in).Queue)
	require.Equal(t, "second", pretrainOn(t, second, in).Queue, "which has fetched what the other one recorded")
}
