package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// useStore points the environment to a store.
func useStore(t *testing.T, c storage.Config) {
	t.Helper()
	t.Setenv(storage.EnvEndpoint, c.Endpoint)
	t.Setenv(storage.EnvAccessKey, c.AccessKey)
	t.Setenv(storage.EnvSecretKey, c.SecretKey)
	t.Setenv(storage.EnvBucket, c.Bucket)
}

func TestDoctorFindsAMissingStoreAndTemporal(t *testing.T) {
	noServers(t)
	useStore(t, storage.Config{Endpoint: "127.0.0.1:1", AccessKey: "user", SecretKey: "hidden-secret", Bucket: "b"})
	findings := examine(t.Context(), &target{address: "127.0.0.1:1"}, experiment.Default().Dataset,
		[]string{"temporal", "workers", "store"}, false)
	require.Len(t, findings, 3)
	for _, f := range findings {
		require.False(t, f.OK, f.Check)
		require.Contains(t, f.Detail, "127.0.0.1:1")
		require.NotContains(t, f.Detail, "hidden-secret")
	}
}

func TestDoctorSaysWhatIsNotSet(t *testing.T) {
	noServers(t)
	findings := examine(t.Context(), &target{}, experiment.Default().Dataset, []string{"store"}, false)
	require.Contains(t, findings[0].Detail, storage.EnvEndpoint)
}

func TestDoctorLooksForTheBucket(t *testing.T) {
	config := storagetest.Start(t)
	useStore(t, config)
	_, err := checkStore(t.Context())
	require.ErrorIs(t, err, storage.ErrNoBucket)
	s, err := openStore(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.EnsureBucket(t.Context()))
	detail, err := checkStore(t.Context())
	require.NoError(t, err)
	require.Equal(t, config.String(), detail)
}

func TestDoctorLooksForData(t *testing.T) {
	detail, err := checkData(t.Context(), experiment.Dataset{Name: experiment.Synthetic})
	require.NoError(t, err)
	require.Contains(t, detail, "drawn by code")

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead || r.URL.Path != "/here" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	d := experiment.Dataset{Name: experiment.CIFAR10, SHA256: "ab12", Source: server.URL + "/here"}
	detail, err = checkData(t.Context(), d)
	require.NoError(t, err)
	require.Contains(t, detail, d.Source)

	d.Source = server.URL + "/gone"
	_, err = checkData(t.Context(), d)
	require.ErrorContains(t, err, "404")
	require.ErrorContains(t, err, "CIFAR10_ARCHIVE")

	d.Source = "no/such/file"
	_, err = checkData(t.Context(), d)
	require.ErrorContains(t, err, "no/such/file")
}

func TestDoctorsCommandFailsWhereSomethingIsWrong(t *testing.T) {
	noServers(t)
	c := newCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&bytes.Buffer{})
	c.SetArgs([]string{"doctor", "--only", "store", "-o", "json", "--address", "127.0.0.1:1"})
	require.ErrorIs(t, c.ExecuteContext(t.Context()), errUnwell)
	require.Contains(t, out.String(), `"ok": false`)
}

func TestDoctorRefusesUnknownChecks(t *testing.T) {
	c := newCommand()
	c.SetArgs([]string{"doctor", "--only", "heart", "--address", "127.0.0.1:1"})
	require.ErrorContains(t, c.ExecuteContext(t.Context()), `no check is called "heart"`)
}
