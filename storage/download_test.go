package storage_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

// ranges is a way to a server that notes which part of an object each GET asks for.
type ranges struct {
	mutex sync.Mutex
	asked []string
}

func newRanges(t *testing.T, c storage.Config) (*ranges, storage.Config) {
	t.Helper()
	r, upstream := &ranges{}, c.Endpoint
	// The request's Host is part of its signature and stays.
	proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.Out.URL.Scheme, request.Out.URL.Host = "http", upstream
		request.Out.Host = request.In.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodGet && strings.HasSuffix(request.URL.Path, "/large") {
			r.mutex.Lock()
			r.asked = append(r.asked, request.Header.Get("Range"))
			r.mutex.Unlock()
		}
		proxy.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	c.Endpoint = strings.TrimPrefix(server.URL, "http://")
	return r, c
}

// requireOnly says that a folder holds one file, with this content.
func requireOnly(t *testing.T, path string, data []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, digest(data), digest(got))
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// parts are the files in a folder in which something has been begun.
func parts(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.part"))
	require.NoError(t, err)
	return found
}

func testDownload(t *testing.T, c storage.Config) {
	asked, noted := newRanges(t, c)
	s := newStore(t, noted)
	data := largeContent()
	a, err := s.Put(t.Context(), "large", data, "application/octet-stream")
	require.NoError(t, err)

	t.Run("whole", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
		resumed, err := s.Download(t.Context(), a, path)
		require.NoError(t, err)
		require.Zero(t, resumed)
		requireOnly(t, path, data)
	})

	// begun has the first bytes of the object from a call that was cut off.
	begun := func(t *testing.T, rest []byte) (path string) {
		t.Helper()
		path = filepath.Join(t.TempDir(), "file")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Download(ctx, a, path)
		require.ErrorIs(t, err, context.Canceled)
		require.NoFileExists(t, path)
		require.Len(t, parts(t, filepath.Dir(path)), 1)
		require.NoError(t, os.WriteFile(parts(t, filepath.Dir(path))[0], rest, 0o600))
		return path
	}

	t.Run("goes on behind what is there", func(t *testing.T) {
		path := begun(t, data[:3<<20])
		asked.asked = nil
		resumed, err := s.Download(t.Context(), a, path)
		require.NoError(t, err)
		require.Equal(t, int64(3<<20), resumed)
		require.Equal(t, []string{"bytes=3145728-"}, asked.asked)
		requireOnly(t, path, data)
	})

	t.Run("only verifies what is whole", func(t *testing.T) {
		path := begun(t, data)
		asked.asked = nil
		resumed, err := s.Download(t.Context(), a, path)
		require.NoError(t, err)
		require.Equal(t, a.Size, resumed)
		require.Empty(t, asked.asked)
		requireOnly(t, path, data)
	})

	t.Run("begins anew where what is there is wrong", func(t *testing.T) {
		wrong := append([]byte{}, data[:3<<20]...)
		wrong[1<<20] ^= 1
		for name, rest := range map[string][]byte{"altered": wrong, "too long": append(data[:len(data):len(data)], 1)} {
			path := begun(t, rest)
			_, err := s.Download(t.Context(), a, path)
			require.NoError(t, err, name)
			requireOnly(t, path, data)
		}
	})

	t.Run("empty", func(t *testing.T) {
		empty, err := s.Put(t.Context(), "empty", nil, "text/plain")
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "file")
		_, err = s.Download(t.Context(), empty, path)
		require.NoError(t, err)
		requireOnly(t, path, nil)
	})

	t.Run("refuses what is not the artifact", func(t *testing.T) {
		for name, other := range map[string]string{"same length": "CONTENT", "shorter": "c", "longer": "content and more"} {
			a, err := s.Put(t.Context(), name, []byte("content"), "text/plain")
			require.NoError(t, err)
			overwrite(t, c, s, a, other)
			dir := t.TempDir()
			part := filepath.Join(dir, "file."+a.SHA256[:12]+".part")
			require.NoError(t, os.WriteFile(part, []byte("cont"), 0o600))
			_, err = s.Download(t.Context(), a, filepath.Join(dir, "file"))
			require.ErrorIs(t, err, storage.ErrCorrupt, name)
			require.ErrorContains(t, err, digest([]byte(other)))
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left, name)
		}
		_, err := s.Download(t.Context(), experiment.Artifact{Key: "large", Size: 1}, filepath.Join(t.TempDir(), "file"))
		require.ErrorIs(t, err, storage.ErrCorrupt, "no digest")
		missing := experiment.Artifact{Key: "nothing", SHA256: a.SHA256, Size: 1}
		_, err = s.Download(t.Context(), missing, filepath.Join(t.TempDir(), "file"))
		require.ErrorIs(t, err, storage.ErrNotFound)
		_, err = s.Download(t.Context(), a, filepath.Join(t.TempDir(), "no", "file"))
		require.ErrorIs(t, err, os.ErrNotExist)
	})

	t.Run("over a connection that breaks each time", func(t *testing.T) {
		w, proxied := newWay(t, c)
		s := newStore(t, proxied)
		a, err := s.Put(t.Context(), "large", data, "application/octet-stream")
		require.NoError(t, err)
		w.add("fault", downstream, harm{Times: always, After: 1 << 20})
		path := filepath.Join(t.TempDir(), "file")
		_, err = s.Download(t.Context(), a, path)
		require.ErrorIs(t, err, storage.ErrUnreachable)
		require.NotErrorIs(t, err, storage.ErrCorrupt, "each attempt came further")
		require.NoFileExists(t, path)
		resumed, err := s.Download(t.Context(), a, path)
		require.NoError(t, err, "the fourth to the sixth attempt")
		require.Greater(t, resumed, int64(2<<20))
		requireOnly(t, path, data)
	})
}
