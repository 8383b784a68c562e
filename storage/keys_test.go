package storage_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/integration/tlstest"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// writeKey puts a key into a file, as secrets are mounted.
func writeKey(t *testing.T, path, key string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(key), 0o600))
	return path
}

// Keys in files, whatever ends their line, are those of the variables.
func TestConfigFromEnvReadsKeysFromFiles(t *testing.T) {
	dir := t.TempDir()
	setEnv(t, "localhost:9000", "", "", "")
	t.Setenv(storage.EnvAccessKey+"_FILE", writeKey(t, filepath.Join(dir, "access"), "access\n"))
	t.Setenv(storage.EnvSecretKey+"_FILE", writeKey(t, filepath.Join(dir, "secret"), "secret\r\n"))
	c, err := storage.ConfigFromEnv()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "access"), c.AccessKeyFile)
	require.Equal(t, filepath.Join(dir, "secret"), c.SecretKeyFile)
	require.Empty(t, c.SecretKey, "what is read anew is not kept")
}

// The message names the variable and the file, and nothing that is in it.
func TestConfigFromEnvRefusesFilesWithoutAKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for content, why := range map[string]string{
		"":                         "is empty",
		"\n":                       "is empty",
		"hidden-one\nhidden-two":   "more than one line",
		"hidden-one\n\nhidden two": "more than one line",
	} {
		setEnv(t, "localhost:9000", "access", "", "")
		t.Setenv(storage.EnvSecretKey+"_FILE", writeKey(t, path, content))
		_, err := storage.ConfigFromEnv()
		require.ErrorContains(t, err, why)
		require.ErrorContains(t, err, "MINIO_SECRET_KEY_FILE")
		require.ErrorContains(t, err, path)
		require.NotContains(t, err.Error(), "hidden")
	}

	setEnv(t, "localhost:9000", "access", "", "")
	t.Setenv(storage.EnvSecretKey+"_FILE", path+"-gone")
	_, err := storage.ConfigFromEnv()
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "MINIO_SECRET_KEY_FILE")
	require.ErrorContains(t, err, path+"-gone")

	setEnv(t, "localhost:9000", "access", "hidden-secret", "")
	t.Setenv(storage.EnvSecretKey+"_FILE", writeKey(t, path, "hidden-other"))
	_, err = storage.ConfigFromEnv()
	require.ErrorContains(t, err, "MINIO_SECRET_KEY and MINIO_SECRET_KEY_FILE are both set: remove one")
	require.NotContains(t, err.Error(), "hidden")
}

func TestConfigFromEnvRefusesAnAuthorityWithoutTLS(t *testing.T) {
	setEnv(t, "localhost:9000", "access", "secret", "")
	t.Setenv(storage.EnvCAFile, "authority.crt")
	_, err := storage.ConfigFromEnv()
	require.ErrorContains(t, err, "MINIO_CA_FILE is set, but MINIO_ENDPOINT=http://localhost:9000 asks for no TLS")
}

func TestOpenRefusesAFileWithoutCertificates(t *testing.T) {
	c := storage.Config{Endpoint: "127.0.0.1:1", Secure: true, Bucket: "simclr", AccessKey: "a", SecretKey: "b"}
	c.CAFile = filepath.Join(t.TempDir(), "authority.crt")
	_, err := storage.Open(t.Context(), c)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "MINIO_CA_FILE")
	writeKey(t, c.CAFile, "no certificate")
	_, err = storage.Open(t.Context(), c)
	require.ErrorContains(t, err, "MINIO_CA_FILE names "+c.CAFile)
	require.False(t, storage.Retryable(err))
}

// The secret is replaced while the store is in use: on the server first, then in the file. Nothing is started again.
func testReplacedCredentials(t *testing.T, server *storagetest.Server) {
	dir := t.TempDir()
	c := server.Config
	c.AccessKeyFile = writeKey(t, filepath.Join(dir, "access"), c.AccessKey+"\n")
	c.SecretKeyFile = writeKey(t, filepath.Join(dir, "secret"), c.SecretKey+"\n")
	c.AccessKey, c.SecretKey = "", ""
	s := newStore(t, c)
	a, err := s.Put(t.Context(), "a", []byte("content"), "text/plain")
	require.NoError(t, err)

	server.Stop()
	server.Restart(t, "another-secret")
	for name, call := range operations(t, s, a) {
		err := call()
		require.ErrorIs(t, err, storage.ErrAccess, name)
		require.ErrorContains(t, err, "MINIO_SECRET_KEY_FILE", name)
	}

	require.NoError(t, os.Remove(c.SecretKeyFile))
	for name, call := range operations(t, s, a) {
		err := call()
		require.ErrorIs(t, err, storage.ErrAccess, name)
		require.ErrorContains(t, err, c.SecretKeyFile, name)
		require.True(t, storage.Mendable(err), name)
	}

	writeKey(t, c.SecretKeyFile, "another-secret")
	for name, call := range operations(t, s, a) {
		require.NoError(t, call(), name)
	}
}

// A store with a certificate of a private authority is used by whoever names that, and by nobody else.
func testTLS(t *testing.T, p storagetest.Program) {
	server := p.LaunchTLS(t, tlstest.NewAuthority(t))
	s := newStore(t, server.Config)
	a, err := s.Put(t.Context(), "large", largeContent(), "text/plain")
	require.NoError(t, err)
	got, err := s.Get(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, a.SHA256, digest(got))

	for name, test := range map[string]struct {
		spoil func(*storage.Config)
		fix   string
	}{
		"no authority":      {func(c *storage.Config) { c.CAFile = "" }, "name its authority's certificate in MINIO_CA_FILE"},
		"another authority": {func(c *storage.Config) { c.CAFile = tlstest.NewAuthority(t).File }, "MINIO_CA_FILE"},
		"another name":      {func(c *storage.Config) { c.Endpoint = strings.Replace(c.Endpoint, "127.0.0.1", "localhost", 1) }, "is not trusted"},
	} {
		c := server.Config
		test.spoil(&c)
		_, err := storage.Open(t.Context(), c)
		require.ErrorIs(t, err, storage.ErrEndpoint, name)
		require.ErrorContains(t, err, test.fix, name)
		require.True(t, storage.Mendable(err), name)
		require.False(t, storage.Retryable(err), name)
	}

	// Some servers answer with a page or an alert, others hang up, as one would that is not ready.
	plain := server.Config
	plain.Secure, plain.CAFile = false, ""
	_, err = storage.Open(t.Context(), plain)
	require.True(t, storage.Mendable(err) || storage.Retryable(err), err)
	require.ErrorContains(t, err, storage.EnvEndpoint)
}
