package storage_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
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
		// fix is what the error says to do.
		fix string
	}{
		{http.StatusServiceUnavailable, "SlowDown", storage.ErrUnreachable, true, "try again"},
		{http.StatusInternalServerError, "InternalError", storage.ErrUnreachable, true, "look at its log"},
		{http.StatusInsufficientStorage, "XMinioStorageFull", storage.ErrFull, true, "free space"},
		{http.StatusForbidden, "AccessDenied", storage.ErrAccess, false, "check MINIO_ACCESS_KEY and MINIO_SECRET_KEY"},
		{http.StatusBadRequest, "ExpiredToken", storage.ErrAccess, false, "put new ones into MINIO_ACCESS_KEY and MINIO_SECRET_KEY and start again"},
		{http.StatusForbidden, "QuotaExceeded", storage.ErrFull, true, "raise the quota"},
		{http.StatusBadRequest, "XMinioAdminBucketQuotaExceeded", storage.ErrFull, true, "raise the quota"},
		{http.StatusServiceUnavailable, "SlowDownRead", storage.ErrUnreachable, true, "restore it from a backup"},
		{http.StatusForbidden, "RequestTimeTooSkewed", storage.ErrUnreachable, true, "clocks"},
		{http.StatusNotFound, "NoSuchBucket", storage.ErrNoBucket, false, "MINIO_BUCKET"},
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
			require.NotErrorIs(t, err, storage.ErrNotFound)
			require.ErrorContains(t, err, "key")
			require.ErrorContains(t, err, test.fix)
		})
	}
}

// MinIO gives the same answer where too few of its drives are there as where an object is damaged. Only its health check tells
// whether waiting helps.
func TestDamagedOrDrivesAway(t *testing.T) {
	t.Parallel()
	var health atomic.Int64
	s := openFaulty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/minio/health/cluster" {
			w.WriteHeader(int(health.Load()))
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "<Error><Code>SlowDownRead</Code></Error>")
	})
	a := experiment.Artifact{Key: "key", SHA256: digest(nil)}
	for status, want := range map[int]error{
		http.StatusOK: storage.ErrCorrupt, http.StatusServiceUnavailable: storage.ErrUnreachable,
		http.StatusForbidden: storage.ErrUnreachable,
	} {
		health.Store(int64(status))
		for name, call := range map[string]func() error{
			"get":  func() error { _, err := s.Get(t.Context(), a); return err },
			"put":  func() error { _, err := s.Put(t.Context(), a.Key, largeContent(), "text/plain"); return err },
			"move": func() error { return s.Move(t.Context(), a.Key, "other") },
		} {
			err := call()
			require.ErrorIs(t, err, want, "%s, %d", name, status)
			require.Equal(t, want == storage.ErrUnreachable, storage.Retryable(err), "%s, %d", name, status)
			require.ErrorContains(t, err, "key")
		}
	}
}

// open returns the error of opening a store at another program's address.
func open(t *testing.T, address string, secure bool) error {
	t.Helper()
	c := storage.Config{Endpoint: address, Secure: secure, Bucket: "simclr", AccessKey: "a", SecretKey: "hidden-secret"}
	_, err := storage.Open(t.Context(), c)
	require.Error(t, err)
	require.ErrorContains(t, err, address)
	require.NotContains(t, err.Error(), "hidden-secret")
	return err
}

func TestWrongEndpoint(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	// The test server's own complaints about what it is sent.
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	page := func(status int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, "<!doctype html><p>Not the page you are looking for")
		}))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	for name, test := range map[string]struct {
		address string
		secure  bool
		fix     string
	}{
		"TLS where http is set":       {secure.Listener.Addr().String(), false, "right scheme"},
		"plain where https is set":    {page(http.StatusOK), true, "use http://"},
		"certificate nobody knows":    {secure.Listener.Addr().String(), true, "MINIO_CA_FILE"},
		"a web server without bucket": {page(http.StatusNotFound), false, storage.EnvEndpoint},
		"a web server that refuses":   {page(http.StatusMethodNotAllowed), false, storage.EnvEndpoint},
		"a TLS alert":                 {alerting(t), false, "use https://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := open(t, test.address, test.secure)
			require.ErrorIs(t, err, storage.ErrEndpoint)
			require.ErrorContains(t, err, test.fix)
			require.False(t, storage.Retryable(err))
			require.True(t, storage.Mendable(err))
		})
	}
}

// alerting is the address of a server that answers plain HTTP with a TLS alert, as those do that are not made with Go.
func alerting(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1024))
			c.Write([]byte("\x15\x03\x01\x00\x02\x02\x46"))
			c.Close()
		}
	}()
	return l.Addr().String()
}

// A page for everything, as of a proxy whose server is gone, is no missing object and no stored one.
func TestPageForEverything(t *testing.T) {
	t.Parallel()
	var status, bucket atomic.Int64
	status.Store(http.StatusOK)
	bucket.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(int(bucket.Load()))
			return
		}
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.WriteHeader(int(status.Load()))
		io.WriteString(w, "<!doctype html>")
	}))
	t.Cleanup(server.Close)
	s, err := storage.Open(t.Context(), storage.Config{
		Endpoint: server.Listener.Addr().String(), Bucket: "simclr", AccessKey: "a", SecretKey: "b",
	})
	require.NoError(t, err)
	a := experiment.Artifact{Key: "key", SHA256: digest(nil), Size: 0}

	_, err = s.Put(t.Context(), "key", nil, "text/plain")
	require.ErrorIs(t, err, storage.ErrEndpoint)
	_, err = s.Get(t.Context(), a)
	require.Error(t, err)
	require.NotErrorIs(t, err, storage.ErrCorrupt)

	status.Store(http.StatusNotFound)
	bucket.Store(http.StatusNotFound)
	_, get := s.Get(t.Context(), a)
	_, stat := s.Stat(t.Context(), "key")
	for name, err := range map[string]error{"get": get, "stat": stat} {
		require.ErrorIs(t, err, storage.ErrEndpoint, name)
		require.NotErrorIs(t, err, storage.ErrNotFound, name)
		require.True(t, storage.Mendable(err), name)
	}
}
