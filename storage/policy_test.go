package storage_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// policyStore is a bucket with an object at each of the keys, and somebody who may do there what the policy says.
func policyStore(t *testing.T, policy string, keys ...string) (*storage.Store, map[string]experiment.Artifact, storage.Config) {
	t.Helper()
	c := minioServer(t)
	c.Bucket = bucketName(t)
	admin := newStore(t, c)
	there := map[string]experiment.Artifact{}
	for _, key := range keys {
		a, err := admin.Put(t.Context(), key, []byte(key), "text/plain")
		require.NoError(t, err)
		there[key] = a
	}
	limited := storagetest.Assume(t, c, policy)
	s, err := storage.Open(t.Context(), limited)
	require.NoError(t, err)
	require.NoError(t, s.EnsureBucket(t.Context()), "it is there")
	require.NoError(t, s.Ping(t.Context()))
	return s, there, limited
}

// minioServer is the server that knows policies.
func minioServer(t *testing.T) storage.Config {
	t.Helper()
	return storagetest.Programs[0].Launch(t).Config
}

// denied fails unless each call is refused in the way that says what to do.
func denied(t *testing.T, calls map[string]func() error) {
	t.Helper()
	for name, call := range calls {
		err := call()
		require.ErrorIs(t, err, storage.ErrAccess, name)
		require.NotErrorIs(t, err, storage.ErrNotFound, name)
		require.ErrorContains(t, err, "what they may do", name)
		require.ErrorContains(t, err, storage.EnvAccessKey, name)
	}
}

// All that workers do is allowed them, where they do it, and nothing else.
func TestWorkerPolicy(t *testing.T) {
	t.Parallel()
	const archive, weights, foreign = "datasets/cifar10/ab/archive.tar.gz", "weights/ab", "backups/a"
	s, there, c := policyStore(t, "worker", archive, weights, foreign)

	for _, key := range []string{"experiments/first/pretrain/epoch-0001.safetensors", "datasets/cifar10/cd/archive.tar.gz", "weights/cd"} {
		a, err := s.Put(t.Context(), key, largeContent(), "application/octet-stream")
		require.NoError(t, err, key)
		_, err = s.Put(t.Context(), key, largeContent(), "application/octet-stream")
		require.NoError(t, err, "the same bytes again")
		_, err = s.Put(t.Context(), key, []byte("other"), "application/octet-stream")
		require.ErrorIs(t, err, storage.ErrConflict)
		got, err := s.Get(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, a.SHA256, digest(got))
		require.NoError(t, s.GetFile(t.Context(), a, filepath.Join(t.TempDir(), "file")))
		found, err := s.Stat(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, a, found)
		_, err = s.Stat(t.Context(), key+"-missing")
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
	listed, err := s.List(t.Context(), "experiments/first/")
	require.NoError(t, err)
	require.Len(t, listed, 1)
	require.NoError(t, s.Remove(t.Context(), listed[0].Key))

	other := c
	other.Bucket = "another"
	elsewhere, err := storage.Open(t.Context(), other)
	if err == nil {
		err = elsewhere.EnsureBucket(t.Context())
	}
	require.ErrorIs(t, err, storage.ErrAccess, "buckets are made by others")
	require.ErrorContains(t, err, `bucket "another"`)
	denied(t, map[string]func() error{
		"put elsewhere":     func() error { _, err := s.Put(t.Context(), "elsewhere", nil, "text/plain"); return err },
		"replace elsewhere": func() error { _, err := s.Put(t.Context(), foreign, []byte("new"), "text/plain"); return err },
		"get elsewhere":     func() error { _, err := s.Get(t.Context(), there[foreign]); return err },
		"remove elsewhere":  func() error { return s.Remove(t.Context(), foreign) },
		"remove a data set": func() error { return s.Remove(t.Context(), archive) },
		"remove weights":    func() error { return s.Remove(t.Context(), weights) },
		"get with wrong letter": func() error {
			_, err := s.Get(t.Context(), experiment.Artifact{Key: "Experiments/a", SHA256: digest(nil)})
			return err
		},
	})
	require.Error(t, rawClient(t, c).RemoveBucket(t.Context(), c.Bucket))
	require.Error(t, rawClient(t, c).SetBucketPolicy(t.Context(), c.Bucket, ""))
}

// A reader gets and lists what experiments have left, and changes nothing.
func TestReaderPolicy(t *testing.T) {
	t.Parallel()
	const report, archive = "experiments/first/report.html", "datasets/cifar10/ab/archive.tar.gz"
	s, there, c := policyStore(t, "reader", report, archive)

	listed, err := s.List(t.Context(), "experiments/first/")
	require.NoError(t, err)
	require.Equal(t, []experiment.Artifact{there[report]}, listed)
	_, err = s.Get(t.Context(), there[report])
	require.NoError(t, err)
	_, err = s.Stat(t.Context(), "experiments/first/missing")
	require.ErrorIs(t, err, storage.ErrNotFound)

	denied(t, map[string]func() error{
		"put":            func() error { _, err := s.Put(t.Context(), "experiments/first/new", nil, "text/plain"); return err },
		"put again":      func() error { _, err := s.Put(t.Context(), report, []byte(report), "text/plain"); return err },
		"remove":         func() error { return s.Remove(t.Context(), report) },
		"get a data set": func() error { _, err := s.Get(t.Context(), there[archive]); return err },
	})
	require.Error(t, rawClient(t, c).RemoveBucket(t.Context(), c.Bucket))
	_, err = s.Get(t.Context(), there[report])
	require.NoError(t, err, "it is still there")
}
