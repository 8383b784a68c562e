package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/storage"
)

// noServers makes an environment in which nobody has named a server; what the test sets is undone.
func noServers(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		envAddress, envConfigFile, envProfile, envUI, "TEMPORAL_NAMESPACE",
		storage.EnvEndpoint, storage.EnvAccessKey, storage.EnvSecretKey, storage.EnvBucket, storage.EnvRegion,
	} {
		t.Setenv(name, "")
	}
}

func writeStack(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "env")
	text := "TEMPORAL_ADDRESS=127.0.0.1:7777\nMINIO_ENDPOINT=127.0.0.1:9999\nMINIO_SECRET_KEY=a=b\nPATH=/nowhere\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestStackIsUsedWhereNoServerIsNamed(t *testing.T) {
	noServers(t)
	t.Setenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "other.crt")
	t.Setenv("MINIO_SECRET_KEY_FILE", "other")
	path := os.Getenv("PATH")
	var notes bytes.Buffer
	require.NoError(t, (&target{}).useStack(writeStack(t), &notes))
	require.Equal(t, "127.0.0.1:7777", os.Getenv(envAddress))
	require.Equal(t, "127.0.0.1:9999", os.Getenv(storage.EnvEndpoint))
	require.Equal(t, "a=b", os.Getenv(storage.EnvSecretKey))
	require.Equal(t, path, os.Getenv("PATH"))
	require.Empty(t, os.Getenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH"), "nothing of another Temporal")
	require.Empty(t, os.Getenv("MINIO_SECRET_KEY_FILE"), "nothing of another object store")
	require.Contains(t, notes.String(), "using the servers of `make up`")
	require.NotContains(t, notes.String(), "a=b")
}

func TestStackIsNotMixedWithOtherServers(t *testing.T) {
	for _, name := range []string{envAddress, envConfigFile, envProfile, storage.EnvEndpoint} {
		t.Run(name, func(t *testing.T) {
			noServers(t)
			t.Setenv(name, "other:1")
			require.NoError(t, (&target{}).useStack(writeStack(t), &bytes.Buffer{}))
			require.Empty(t, os.Getenv(storage.EnvSecretKey))
		})
	}
	noServers(t)
	require.NoError(t, (&target{address: "other:1"}).useStack(writeStack(t), &bytes.Buffer{}))
	require.Empty(t, os.Getenv(storage.EnvSecretKey))
}

func TestStackThatIsDownIsNotMissed(t *testing.T) {
	noServers(t)
	require.NoError(t, (&target{}).useStack(filepath.Join(t.TempDir(), "none"), &bytes.Buffer{}))
}
