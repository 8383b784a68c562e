package storage_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

// openFaulty opens a store on a server that has the bucket and otherwise does what serve says.
func openFaulty(t *testing.T, serve http.HandlerFunc) *storage.Store {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return
		}
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	c := storage.Config{Endpoint: server.Listener.Addr().String(), Bucket: "simclr", AccessKey: "a", SecretKey: "b"}
	s, err := storage.Open(t.Context(), c)
	require.NoError(t, err)
	return s
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status    int
		code      string
		want      error
		retryable bool
	}{
		{http.StatusServiceUnavailable, "SlowDown", storage.ErrUnreachable, true},
		{http.StatusInternalServerError, "InternalError", storage.ErrUnreachable, true},
		{http.StatusInsufficientStorage, "XMinioStorageFull", storage.ErrFull, true},
		{http.StatusForbidden, "AccessDenied", storage.ErrAccess, false},
		{http.StatusForbidden, "RequestTimeTooSkewed", storage.ErrUnreachable, true},
		{http.StatusNotFound, "NoSuchBucket", storage.ErrNoBucket, false},
	} {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			s := openFaulty(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>the server's reason</Message></Error>", test.code)
			})
			_, err := s.Put(t.Context(), "key", []byte("content"), "text/plain")
			require.ErrorIs(t, err, test.want)
			require.Equal(t, test.retryable, storage.Retryable(err))
			require.ErrorContains(t, err, "key")
		})
	}
}

// A download that breaks off is taken up again from the beginning; one that always does leaves nothing.
func TestBrokenDownload(t *testing.T) {
	t.Parallel()
	data := largeContent()
	a := experiment.Artifact{Key: "large", SHA256: digest(data), Size: int64(len(data))}
	var requests, broken atomic.Int64
	s := openFaulty(t, func(w http.ResponseWriter, _ *http.Request) {
		// minio-go takes an answer without these headers for an error.
		w.Header().Set("ETag", `"0"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		if requests.Add(1) > broken.Load() {
			w.Write(data)
			return
		}
		w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})

	broken.Store(1)
	got, err := s.Get(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, a.SHA256, digest(got))

	requests.Store(0)
	dir := t.TempDir()
	require.NoError(t, s.GetFile(t.Context(), a, filepath.Join(dir, "file")))

	broken.Store(1000)
	err = s.GetFile(t.Context(), a, filepath.Join(dir, "other"))
	require.ErrorIs(t, err, storage.ErrUnreachable)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "only the complete file")
}
