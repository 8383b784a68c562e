package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errAway = errors.New("connection refused")

func TestWaitForTriesUntilTheServerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, tries := time.Now(), 0
		err := waitFor(t.Context(), slog.New(slog.DiscardHandler), "server", func(error) bool { return true },
			func(context.Context) error {
				if tries++; tries < 100 {
					return errAway
				}
				return nil
			})
		require.NoError(t, err)
		require.Equal(t, 99*pause, time.Since(start))
	})
}

func TestWaitForBoundsEachTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		err := waitFor(t.Context(), slog.New(slog.DiscardHandler), "server", func(error) bool { return true },
			func(ctx context.Context) error {
				if tries++; tries > 1 {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			})
		require.NoError(t, err)
		require.Equal(t, 2, tries)
	})
}

func TestWaitForGivesUpWhereWaitingIsOfNoUse(t *testing.T) {
	err := waitFor(t.Context(), slog.New(slog.DiscardHandler), "server", func(error) bool { return false },
		func(context.Context) error { return errAway })
	require.ErrorIs(t, err, errAway)
	require.ErrorContains(t, err, "reach server")
}

func TestWaitForEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := waitFor(ctx, slog.New(slog.DiscardHandler), "server", func(error) bool { return true },
		func(context.Context) error {
			cancel()
			return errAway
		})
	require.NoError(t, graceful(err), "a signal during the wait is a graceful end")
}
