package storage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

func testPut(t *testing.T, c storage.Config) {
	t.Run("file", func(t *testing.T) { testPutFile(t, c) })

	t.Run("keeps what it is given", func(t *testing.T) {
		s := newStore(t, c)
		for key, data := range map[string][]byte{
			"empty":                      {},
			"experiments/a/spec.yaml":    []byte("name: a\n"),
			"experiments/ä b+c/#1?.json": []byte("{}"),
			"large":                      largeContent(),
		} {
			a, err := s.Put(t.Context(), key, data, "application/octet-stream")
			require.NoError(t, err, key)
			require.Equal(t, experiment.Artifact{Key: key, SHA256: digest(data), Size: int64(len(data))}, a)
			got, err := s.Get(t.Context(), a)
			require.NoError(t, err, key)
			require.Equal(t, len(data), len(got), key)
			require.Equal(t, digest(data), digest(got), key)
		}
	})

	t.Run("content type and metadata", func(t *testing.T) {
		s := newStore(t, c)
		a, err := s.Put(t.Context(), "report.html", []byte("<p>"), "text/html")
		require.NoError(t, err)
		info, err := rawClient(t, c).StatObject(t.Context(), s.Bucket(), "report.html", minio.StatObjectOptions{})
		require.NoError(t, err)
		require.Equal(t, "text/html", info.ContentType)
		require.Equal(t, a.SHA256, info.Metadata.Get("x-amz-meta-sha256"))
	})

	for name, first := range map[string][]byte{"small": []byte("first"), "large": largeContent()} {
		t.Run("second writer, "+name, func(t *testing.T) {
			s := newStore(t, c)
			a, err := s.Put(t.Context(), "key", first, "text/plain")
			require.NoError(t, err)
			again, err := s.Put(t.Context(), "key", first, "text/plain")
			require.NoError(t, err, "the same bytes again")
			require.Equal(t, a, again)

			second := slices.Clone(first)
			second[len(second)-1] ^= 1
			_, err = s.Put(t.Context(), "key", second, "text/plain")
			require.ErrorIs(t, err, storage.ErrConflict)
			require.False(t, storage.Retryable(err))
			for _, said := range []string{"key", s.Bucket(), digest(first), digest(second)} {
				require.ErrorContains(t, err, said)
			}
			got, err := s.Get(t.Context(), a)
			require.NoError(t, err)
			require.Equal(t, digest(first), digest(got))
		})
	}

	t.Run("finds a damaged object instead of trusting its metadata", func(t *testing.T) {
		s := newStore(t, c)
		a, err := s.Put(t.Context(), "key", []byte("content"), "text/plain")
		require.NoError(t, err)
		overwrite(t, c, s, a, "CONTENT")
		_, err = s.Put(t.Context(), "key", []byte("content"), "text/plain")
		require.ErrorIs(t, err, storage.ErrCorrupt)
	})

	t.Run("content that changed after its digest was taken", func(t *testing.T) {
		s := newStore(t, c)
		a := experiment.Artifact{Key: "key", SHA256: digest([]byte("content")), Size: 7}
		require.ErrorContains(t, s.PutAs(t.Context(), a, []byte("CONTENT")), "changed while it was sent")
		_, err := s.Stat(t.Context(), "key")
		require.ErrorIs(t, err, storage.ErrNotFound)
	})

	t.Run("of several writers one wins", func(t *testing.T) {
		s := newStore(t, c)
		for _, size := range []int{10, 3 << 20} {
			key := fmt.Sprintf("race-%d", size)
			const writers = 6
			var artifacts [writers]experiment.Artifact
			var errs [writers]error
			var group sync.WaitGroup
			for i := range writers {
				group.Go(func() {
					data := []byte(strings.Repeat(string(rune('a'+i)), size))
					artifacts[i], errs[i] = s.Put(t.Context(), key, data, "text/plain")
				})
			}
			group.Wait()
			won := slices.Index(errs[:], nil)
			require.NotEqual(t, -1, won, "%v", errs)
			for i, err := range errs {
				if i != won {
					require.ErrorIs(t, err, storage.ErrConflict)
				}
			}
			_, err := s.Get(t.Context(), artifacts[won])
			require.NoError(t, err)
		}
	})

	t.Run("cancelled", func(t *testing.T) {
		s := newStore(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Put(ctx, "key", []byte("content"), "text/plain")
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, storage.Retryable(err))
		_, err = s.Stat(t.Context(), "key")
		require.ErrorIs(t, err, storage.ErrNotFound)
	})
}

func testPutFile(t *testing.T, c storage.Config) {
	s := newStore(t, c)
	path := filepath.Join(t.TempDir(), "file")
	data := largeContent()
	require.NoError(t, os.WriteFile(path, data, 0o600))

	a, err := s.PutFile(t.Context(), "file", path, "application/gzip")
	require.NoError(t, err)
	require.Equal(t, experiment.Artifact{Key: "file", SHA256: digest(data), Size: int64(len(data))}, a)
	got, err := s.Get(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, digest(data), digest(got))

	_, err = s.PutFile(t.Context(), "file", path, "application/gzip")
	require.NoError(t, err, "the same file again")

	require.NoError(t, os.WriteFile(path, []byte("other"), 0o600))
	_, err = s.PutFile(t.Context(), "file", path, "application/gzip")
	require.ErrorIs(t, err, storage.ErrConflict)

	_, err = s.PutFile(t.Context(), "file", path+"-missing", "application/gzip")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.False(t, storage.Retryable(err))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.PutFile(ctx, "cancelled", path, "application/gzip")
	require.True(t, errors.Is(err, context.Canceled))
}

// largeContent is more than one buffer and more than lookFirst, with every byte value in it.
func largeContent() []byte {
	data := make([]byte, 5<<20+7)
	for i := range data {
		data[i] = byte(i * 31 >> (i % 5))
	}
	return data
}
