package integration

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The object store goes away while an experiment trains, and comes back. Meanwhile the name is in use.
func TestStoreAway(t *testing.T) {
	s := startStack(t)
	s.startWorker(t)
	spec := tinySpec(t, syntheticSet)
	run := s.start(t, "starter", "run", spec, "--watch")
	s.awaitEpoch(t, "tiny", 1)

	s.proxy.Stop()
	eventually(t, "watch to tell of the store", func(context.Context) bool {
		return strings.Contains(run.output.String(), "object store unreachable")
	})
	s.refused(t, 4, []string{"get", "tiny", "--out", t.TempDir()}, "object store unreachable", s.proxy.Listen)
	s.refused(t, 1, []string{"doctor", "--only", "store"}, "FAIL", "object store unreachable", s.proxy.Listen)
	s.refused(t, 1, []string{"run", spec, "--set", "seed=2"}, `the name "tiny" is in use`, "is running", "--name")

	require.NoError(t, s.proxy.Start())
	require.NoError(t, run.wait(t))
	r := s.result(t, "tiny")
	require.Len(t, r.Pretrain, 3)
	requireFiles(t, s, r)
	s.refused(t, 1, []string{"run", spec, "--set", "seed=2"}, `the name "tiny" is in use`, "is finished", "--name")
	require.Equal(t, r, s.result(t, "tiny"), "a refused run changes nothing")
}

// A worker that comes first waits for the store, and says so.
func TestWorkerWaitsForTheStore(t *testing.T) {
	t.Parallel()
	s := startStack(t)
	s.proxy.Stop()
	worker := s.startWorker(t)
	eventually(t, "the worker to tell of the store", func(context.Context) bool {
		return strings.Contains(worker.output.String(), "object store unreachable")
	})
	require.NoError(t, s.proxy.Start())
	eventually(t, "the worker to poll", func(context.Context) bool {
		_, err := s.starter(t, "doctor", "--only", "temporal,workers,store")
		return err == nil
	})
}

// A worker with the wrong secret says so and ends: waiting would not help.
func TestWorkerWithWrongSecret(t *testing.T) {
	t.Parallel()
	s := startStack(t)
	s.env = append(s.env, "MINIO_SECRET_KEY=not-the-right-one")
	worker := s.startWorker(t)
	require.Error(t, worker.wait(t))
	require.Contains(t, worker.output.String(), "access denied")
	require.NotContains(t, worker.output.String(), "not-the-right-one")
}
