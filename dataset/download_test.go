package dataset

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve starts a server and returns its address.
func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

// stalling answers and then sends nothing until the client is gone.
func stalling(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte("arch"))
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestFetchURL(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("archive")) })
	path, err := Fetch(t.Context(), address+"/a.tar.gz?x=1", sumOf([]byte("archive")), t.TempDir())
	require.NoError(t, err)
	require.Equal(t, "a.tar.gz", filepath.Base(path))
}

// TestFetchURLKeepsCompression: the archive's own compression must survive a server that calls it the transfer's.
func TestFetchURLKeepsCompression(t *testing.T) {
	whole := archive(t, members())
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(whole)
	})
	_, err := Fetch(t.Context(), address, sumOf(whole), t.TempDir())
	require.NoError(t, err)
}

func TestFetchURLRejects(t *testing.T) {
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		kind    error
		message string
	}{
		"missing": {http.NotFound, ErrDownload, "404"},
		"other": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("other")) }, ErrDigest,
			"has " + sumOf([]byte("other")) + ", expected " + sumOf([]byte("archive"))},
		"short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("archive"))
		}, ErrTruncated, "7 of 100 bytes arrived"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("arch"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, ErrTruncated, "4 bytes arrived"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			_, err := Fetch(t.Context(), serve(t, c.answer), sumOf([]byte("archive")), folder)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.message)
			requireEmpty(t, folder)
		})
	}
}

func TestFetchURLUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = Fetch(t.Context(), "http://"+l.Addr().String(), sumOf(nil), t.TempDir())
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorAs(t, err, new(*net.OpError), "a caller can look at the cause")
}

func TestFetchURLHeedsItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	folder := t.TempDir()
	_, err := Fetch(ctx, serve(t, stalling), sumOf(nil), folder)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireEmpty(t, folder)
}

func TestDownloadGivesUpOnSilence(t *testing.T) {
	r, err := download(t.Context(), serve(t, stalling), 50*time.Millisecond)
	require.NoError(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	require.Equal(t, "arch", string(data))
	require.ErrorIs(t, err, ErrDownload)
	require.ErrorContains(t, err, "sent nothing for 50ms")
}

// Where a server leads to may be a signed URL, which lets in whoever reads it.
func TestMessagesNameNoURLThatAServerLedTo(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	server := httptest.NewServer(http.RedirectHandler(gone.URL+"/a?X-Amz-Signature=hidden", http.StatusFound))
	t.Cleanup(server.Close)
	_, err := Fetch(t.Context(), server.URL+"/archive", sumOf(nil), t.TempDir())
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorContains(t, err, server.URL+"/archive")
	require.ErrorContains(t, err, "refused")
	require.NotContains(t, err.Error(), "hidden")
}
