package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A cancelled experiment ends, and its name can be used again.
func TestCancelCommand(t *testing.T) {
	at := startRunning(t)
	out, err := starter(t, at, "cancel", "first")
	require.NoError(t, err)
	require.Contains(t, out, "starter show first")
	require.Eventually(t, func() bool {
		out, err := starter(t, at, "show", "first")
		return err == nil && strings.Contains(out, "first is cancelled") && strings.Contains(out, "somebody cancelled it")
	}, 10*time.Second, 100*time.Millisecond)
	out, err = starter(t, at, "run", writeSpec(t, goodSpec), "--watch")
	require.NoError(t, err, out)
}
