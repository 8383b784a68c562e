package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/integration/temporaltest"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// useAccounts names the users to make.
func useAccounts(t *testing.T, worker, reader string) {
	t.Helper()
	t.Setenv("MINIO_WORKER_ACCESS_KEY", worker)
	t.Setenv("MINIO_WORKER_SECRET_KEY", worker+"-secret")
	t.Setenv("MINIO_READER_ACCESS_KEY", reader)
	t.Setenv("MINIO_READER_SECRET_KEY", reader+"-secret")
}

// New servers are ready after one command, and as they were after a second one.
func TestProvisionPreparesNewServers(t *testing.T) {
	noServers(t)
	config := storagetest.Programs[0].Launch(t).Config
	useStore(t, config)
	useAccounts(t, "lab-worker", "lab-reader")
	server := temporaltest.Start(t)
	at := []string{"--address", server.Address, "--namespace", "lab"}

	for range 2 {
		out, err := starter(t, at, "provision")
		require.NoError(t, err, out)
		require.Contains(t, out, "ok    bucket")
		require.Contains(t, out, "worker lab-worker, reader lab-reader")
		require.Contains(t, out, "namespace lab")
		require.Contains(t, out, "ok    attributes")
		require.NotContains(t, out, "-secret")
	}
	out, err := starter(t, at, "doctor", "--only", "temporal,attributes,store")
	require.NoError(t, err, out)

	config.AccessKey, config.SecretKey = "lab-worker", "lab-worker-secret"
	worker, err := storage.Open(t.Context(), config)
	require.NoError(t, err)
	a, err := worker.Put(t.Context(), "experiments/first/report.html", []byte("report"), "text/html")
	require.NoError(t, err)
	_, err = worker.Put(t.Context(), "elsewhere", []byte("a"), "text/plain")
	require.ErrorIs(t, err, storage.ErrAccess)
	config.AccessKey, config.SecretKey = "lab-reader", "lab-reader-secret"
	reader, err := storage.Open(t.Context(), config)
	require.NoError(t, err)
	_, err = reader.Get(t.Context(), a)
	require.NoError(t, err)
	require.ErrorIs(t, reader.Remove(t.Context(), a.Key), storage.ErrAccess)

	// Nobody but an administrator can.
	useStore(t, config)
	out, err = starter(t, at, "provision", "--only", "users")
	require.ErrorIs(t, err, errUnwell)
	require.Contains(t, out, "none of an administrator")
}

func TestProvisionSaysWhatIsWrong(t *testing.T) {
	noServers(t)
	useStore(t, storage.Config{Endpoint: "127.0.0.1:1", AccessKey: "root", SecretKey: "root-secret", Bucket: "b"})
	for _, test := range []struct {
		set       func(t *testing.T)
		arguments []string
		want      string
	}{
		{nil, []string{"--only", "buckets"}, `nothing is called "buckets"`},
		{nil, []string{"--retention", "1h"}, "--retention 1h0m0s"},
		{nil, []string{"--only", "users"}, "set MINIO_WORKER_ACCESS_KEY (at least 3 characters) and MINIO_WORKER_SECRET_KEY"},
		{func(t *testing.T) { useAccounts(t, "root", "reader") }, []string{"--only", "users"}, "give it one of its own"},
		{func(t *testing.T) { useAccounts(t, "worker", "r") }, []string{"--only", "users"}, "what the reader is to have"},
		{nil, []string{"--only", "bucket", "--wait", "0s"}, "127.0.0.1:1"},
		{nil, []string{"--only", "namespace", "--wait", "0s", "--address", "127.0.0.1:1"}, "can't reach Temporal at 127.0.0.1:1"},
		{func(t *testing.T) {
			t.Setenv("MINIO_WORKER_ACCESS_KEY_FILE", filepath.Join(t.TempDir(), "missing"))
		}, []string{"--only", "users"}, "MINIO_WORKER_ACCESS_KEY_FILE"},
	} {
		t.Run(test.want, func(t *testing.T) {
			if test.set != nil {
				test.set(t)
			}
			out, err := starter(t, nil, append([]string{"provision"}, test.arguments...)...)
			require.Error(t, err)
			require.Contains(t, out+err.Error(), test.want)
			require.NotContains(t, out+err.Error(), "-secret")
		})
	}
}

func TestAccountsFromFiles(t *testing.T) {
	dir := t.TempDir()
	for name, key := range map[string]string{"ACCESS": "worker", "SECRET": "worker-secret"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(key+"\n"), 0o600))
		t.Setenv("MINIO_WORKER_"+name+"_KEY_FILE", path)
	}
	got, err := accounts()
	require.NoError(t, err)
	require.Equal(t, []account{{"worker", "worker", "worker-secret"}}, got)
}
