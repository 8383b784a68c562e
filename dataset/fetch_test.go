package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func requireEmpty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing is left behind")
}

func TestFetchFile(t *testing.T) {
	source := filepath.Join(t.TempDir(), "a.tar.gz")
	require.NoError(t, os.WriteFile(source, []byte("archive"), 0o600))
	path, err := Fetch(t.Context(), source, sumOf([]byte("archive")), t.TempDir())
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "archive", string(data))

	folder := t.TempDir()
	_, err = Fetch(t.Context(), source, sumOf([]byte("other")), folder)
	require.ErrorIs(t, err, ErrDigest)
	require.ErrorContains(t, err, sumOf([]byte("archive")))
	requireEmpty(t, folder)

	_, err = Fetch(t.Context(), source+"x", sumOf(nil), folder)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestFetchURL(t *testing.T) {
	stalled := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a.tar.gz":
			w.Write([]byte("archive"))
		case "/short":
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("archive"))
		case "/stall":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-stalled
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	defer close(stalled)
	folder, sum := t.TempDir(), sumOf([]byte("archive"))

	_, err := Fetch(t.Context(), server.URL+"/missing", sum, folder)
	require.ErrorIs(t, err, ErrDownload)
	require.ErrorContains(t, err, "404")
	_, err = Fetch(t.Context(), server.URL+"/short", sum, folder)
	require.ErrorIs(t, err, ErrDownload)
	require.ErrorContains(t, err, "7 of 100 bytes")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Fetch(ctx, server.URL+"/stall", sum, folder)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireEmpty(t, folder)

	path, err := Fetch(t.Context(), server.URL+"/a.tar.gz?x=1", sum, folder)
	require.NoError(t, err)
	require.Equal(t, "a.tar.gz", filepath.Base(path))
}

func TestLocate(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(ArchiveVariable, "")
	source, sum, err := Locate(experiment.Dataset{})
	require.NoError(t, err)
	require.Equal(t, []string{OfficialArchive, OfficialSHA256}, []string{source, sum})

	_, _, err = Locate(experiment.Dataset{Source: "x.tar.gz"})
	require.ErrorContains(t, err, "dataset.sha256: missing")

	require.NoError(t, os.Mkdir("data", 0o755))
	require.NoError(t, os.WriteFile(LocalArchive, []byte("archive"), 0o600))
	_, _, err = Locate(experiment.Dataset{})
	require.ErrorIs(t, err, ErrDigest)
	source, sum, err = Locate(experiment.Dataset{SHA256: "ABC"})
	require.NoError(t, err)
	require.Equal(t, []string{LocalArchive, "abc"}, []string{source, sum})

	t.Setenv(ArchiveVariable, "elsewhere.tar.gz")
	_, _, err = Locate(experiment.Dataset{})
	require.ErrorIs(t, err, os.ErrNotExist)
}
