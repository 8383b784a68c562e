package main

import (
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
	"twinview/frontend"
	"twinview/integration/temporaltest"
	"twinview/payload"
)

func newPayloadKey(t *testing.T) string {
	t.Helper()
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(key)
}

// Who has the key sees what there was to see without encryption. Who has none, or another, is told which one is missing.
func TestEncryptedExperiments(t *testing.T) {
	noServers(t)
	t.Setenv(payload.EnvKeyFile, "")
	server := temporaltest.Start(t)
	right := newPayloadKey(t)
	keys, err := payload.ParseKeys(right)
	require.NoError(t, err)
	startWorkerWith(t, server.Address, keys)
	at := []string{"--address", server.Address}

	t.Setenv(payload.EnvKey, right)
	spec := writeSpec(t, goodSpec)
	out, err := starter(t, at, "run", spec, "--watch")
	require.NoError(t, err, out)
	require.Contains(t, out, "experiments/first/report.html")
	_, err = starter(t, at, "run", spec, "--watch", "--name", "bad", "--set", "seed=13")
	require.ErrorContains(t, err, "BadData: digest differs")
	out, err = starter(t, at, "run", spec, "--name", "running", "--set", "seed=99")
	require.NoError(t, err, out)

	for name, key := range map[string]string{"no key": "", "another key": newPayloadKey(t)} {
		t.Setenv(payload.EnvKey, key)
		for _, command := range []string{"show", "watch"} {
			for _, experiment := range []string{"first", "running"} {
				_, err = starter(t, at, command, experiment)
				require.ErrorIs(t, err, payload.ErrNoKey, "%s: %s %s", name, command, experiment)
				require.ErrorContains(t, err, "TWINVIEW_PAYLOAD_KEY_FILE")
			}
		}
		out, err = starter(t, at, "show", "bad")
		require.NoError(t, err, "that it has failed is no secret")
		require.Contains(t, out, "BadData: payload key missing")
		require.NotContains(t, out, "digest differs")
	}
	t.Setenv(payload.EnvKey, right)
	out, err = starter(t, at, "show", "running")
	require.NoError(t, err)
	require.Contains(t, out, "epoch 1/2")
}

// startWorkerWith runs a worker for experiments that has these keys.
func startWorkerWith(t *testing.T, address string, keys payload.Keys) worker.Worker {
	t.Helper()
	o, err := frontend.Options(address, "", keys)
	require.NoError(t, err)
	o.Logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	c, err := frontend.Dial(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	w := worker.New(c, experiment.QueueGeneral, worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflowWithOptions(carryOut, workflow.RegisterOptions{Name: experiment.WorkflowExperiment})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	return w
}

// A worker without the key harms no experiment: it goes on when one with the key comes.
func TestEncryptedExperimentsWaitForTheKey(t *testing.T) {
	noServers(t)
	t.Setenv(payload.EnvKeyFile, "")
	right := newPayloadKey(t)
	t.Setenv(payload.EnvKey, right)
	keys, err := payload.ParseKeys(right)
	require.NoError(t, err)
	server := temporaltest.Start(t)
	keyless := startWorkerWith(t, server.Address, payload.Keys{})
	at := []string{"--address", server.Address}
	out, err := starter(t, at, "run", writeSpec(t, goodSpec))
	require.NoError(t, err, out)

	var why string
	require.Eventually(t, func() bool {
		events := server.Client.GetWorkflowHistory(t.Context(), "first", "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(t, err)
			if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
				why = failed.GetFailure().GetMessage()
			}
			require.NotEqual(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, event.GetEventType())
		}
		return why != ""
	}, 30*time.Second, 50*time.Millisecond)
	require.Contains(t, why, "payload key missing")
	require.Contains(t, why, payload.EnvKeyFile)
	keyless.Stop()

	startWorkerWith(t, server.Address, keys)
	out, err = starter(t, at, "watch", "first")
	require.NoError(t, err)
	require.Contains(t, out, "experiments/first/report.html")
}
