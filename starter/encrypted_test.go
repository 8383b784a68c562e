package main

import (
	"crypto/rand"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	o, err := frontend.Options(server.Address, "", keys)
	require.NoError(t, err)
	c, err := frontend.Dial(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	w := worker.New(c, experiment.QueueGeneral, worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflowWithOptions(carryOut, workflow.RegisterOptions{Name: experiment.WorkflowExperiment})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
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
