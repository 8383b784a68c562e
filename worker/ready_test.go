package main

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/telemetry"
)

func TestReadyAsksTheWorker(t *testing.T) {
	metrics := telemetry.NewMetrics()
	served, err := metrics.Serve(slog.New(slog.DiscardHandler), "127.0.0.1:0")
	require.NoError(t, err)
	ask := func(address string) error {
		c := newCommand()
		c.SetArgs([]string{"ready", address})
		return c.ExecuteContext(t.Context())
	}
	require.ErrorContains(t, ask(served.Address()), "503 Service Unavailable: not polling")
	metrics.Ready(true)
	require.NoError(t, ask(served.Address()))
	require.NoError(t, served.Close())
	require.ErrorContains(t, ask(served.Address()), "no worker answers")
	require.ErrorContains(t, ask("worker"), "want host:port")
}
