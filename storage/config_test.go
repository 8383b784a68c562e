package storage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/storage"
)

func setEnv(t *testing.T, endpoint, access, secret, bucket string) {
	t.Setenv(storage.EnvEndpoint, endpoint)
	t.Setenv(storage.EnvAccessKey, access)
	t.Setenv(storage.EnvSecretKey, secret)
	t.Setenv(storage.EnvBucket, bucket)
	t.Setenv(storage.EnvRegion, "")
	for _, name := range []string{
		storage.EnvSessionToken, storage.EnvCAFile,
		storage.EnvAccessKey + "_FILE", storage.EnvSecretKey + "_FILE", storage.EnvSessionToken + "_FILE",
	} {
		t.Setenv(name, "")
	}
}

func TestConfigFromEnv(t *testing.T) {
	setEnv(t, "localhost:9000", "access", "secret", "")
	c, err := storage.ConfigFromEnv()
	require.NoError(t, err)
	want := storage.Config{
		Endpoint: "localhost:9000", Bucket: "simclr", Region: "us-east-1", AccessKey: "access", SecretKey: "secret",
	}
	require.True(t, want == c, "%s", c)
}

func TestConfigFromEnvReadsEndpoint(t *testing.T) {
	for value, want := range map[string]string{
		"minio:9000":               "http://minio:9000",
		"http://127.0.0.1:9000":    "http://127.0.0.1:9000",
		"https://s3.example.org":   "https://s3.example.org",
		"https://s3.example.org/":  "https://s3.example.org",
		"[::1]:9000":               "http://[::1]:9000",
		"https://s3.example.org:1": "https://s3.example.org:1",
	} {
		setEnv(t, value, "access", "secret", "other")
		c, err := storage.ConfigFromEnv()
		require.NoError(t, err, value)
		require.Equal(t, want, c.URL(), value)
		require.Equal(t, want+"/other", c.String(), value)
	}
}

func TestConfigFromEnvNamesWhatIsWrong(t *testing.T) {
	setEnv(t, "localhost:9000", "", "", "")
	_, err := storage.ConfigFromEnv()
	require.ErrorContains(t, err, "MINIO_ACCESS_KEY, MINIO_SECRET_KEY not set")

	setEnv(t, "", "access", "hidden-secret", "")
	_, err = storage.ConfigFromEnv()
	require.ErrorContains(t, err, "MINIO_ENDPOINT not set")
	require.NotContains(t, err.Error(), "hidden-secret")

	for _, endpoint := range []string{
		"ftp://localhost:9000", "http://user:hidden-secret@localhost:9000", "http://localhost:9000/path",
		"http://localhost:9000?x=hidden-secret", "http://", "http://local host",
	} {
		setEnv(t, endpoint, "access", "secret", "")
		_, err := storage.ConfigFromEnv()
		require.ErrorContains(t, err, "MINIO_ENDPOINT: want host:port", endpoint)
		require.NotContains(t, err.Error(), "hidden-secret")
	}
}

func TestConfigShowsNoKeys(t *testing.T) {
	c := storage.Config{Endpoint: "localhost:9000", Bucket: "b", AccessKey: "hidden-access", SecretKey: "hidden-secret"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("open", "config", c, "pointer", &c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("open", "config", c, "pointer", &c)
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	printed := fmt.Sprintf("%v %+v %#v %s %q %v %+v %#v", c, c, c, c, c, &c, []any{c}, struct{ C storage.Config }{c})
	for _, text := range []string{printed, log.String(), string(encoded)} {
		require.Contains(t, text, "localhost:9000")
		require.NotContains(t, text, "hidden")
	}
}
