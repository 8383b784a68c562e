package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSlotWaitsUntilTheDeviceIsIdle(t *testing.T) {
	idle := make(chan struct{})
	s := newSlot(func(ctx context.Context) error {
		select {
		case <-idle:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 { // a failed reservation takes nothing
		_, err := s.ReserveSlot(cancelled, nil)
		require.ErrorIs(t, err, context.Canceled)
	}

	close(idle)
	permit, err := s.ReserveSlot(t.Context(), nil)
	require.NoError(t, err)
	require.NotNil(t, permit)
	_, err = s.ReserveSlot(cancelled, nil)
	require.ErrorIs(t, err, context.Canceled, "the only slot is taken")
	require.Nil(t, s.TryReserveSlot(nil))
	s.ReleaseSlot(nil)
	_, err = s.ReserveSlot(t.Context(), nil)
	require.NoError(t, err)
}
