package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseLine(t *testing.T) {
	e, ok := parseLine("worker 1", `time=2026-11-27T02:30:01.250Z level=INFO msg="go on inside the epoch" Attempt=2 error="a \"b\" = c" step=7`)
	require.True(t, ok)
	require.Equal(t, "go on inside the epoch", e.What)
	require.Equal(t, 250*time.Millisecond, time.Duration(e.At.Nanosecond()))
	require.Equal(t, map[string]string{"level": "INFO", "Attempt": "2", "error": `a "b" = c`, "step": "7"}, e.Fields)
	for _, other := range []string{"", "goroutine 1 [running]:", "main.main()", "worker: access denied = bad"} {
		_, ok := parseLine("worker 1", other)
		require.False(t, ok, other)
	}
}

// Events are found whether they come before or after somebody waits for them.
func TestAwait(t *testing.T) {
	line := newTimeline()
	for _, what := range []string{"a", "b"} {
		line.add(event{What: what})
	}
	is := func(what string) func(event) bool { return func(e event) bool { return e.What == what } }
	_, err := line.await(t.Context(), 1, is("b"))
	require.NoError(t, err)
	found := make(chan error)
	go func() {
		_, err := line.await(t.Context(), 1, is("a"))
		found <- err
	}()
	line.add(event{What: "c"})
	line.add(event{What: "a"})
	require.NoError(t, <-found)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errOver)
	_, err = line.await(ctx, 0, is("never"))
	require.ErrorIs(t, err, errOver)
}
