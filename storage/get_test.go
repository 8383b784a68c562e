package storage_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
)

func testGet(t *testing.T, c storage.Config) {
	s := newStore(t, c)

	// get reads an artifact both ways; they must agree on the error, and no file may appear.
	get := func(t *testing.T, ctx context.Context, a experiment.Artifact) error {
		_, err := s.Get(ctx, a)
		require.Error(t, err)
		dir := t.TempDir()
		fileErr := s.GetFile(ctx, a, filepath.Join(dir, "file"))
		require.Error(t, fileErr)
		require.Equal(t, storage.Retryable(err), storage.Retryable(fileErr))
		left, readErr := os.ReadDir(dir)
		require.NoError(t, readErr)
		require.Empty(t, left, "nothing half-written is left")
		return err
	}

	t.Run("file", func(t *testing.T) { testGetFile(t, c) })

	t.Run("missing object", func(t *testing.T) {
		err := get(t, t.Context(), experiment.Artifact{Key: "nothing", SHA256: digest(nil)})
		require.ErrorIs(t, err, storage.ErrNotFound)
		require.ErrorContains(t, err, "nothing")
	})

	t.Run("object changed behind the store's back", func(t *testing.T) {
		for name, other := range map[string]string{
			"same length": "CONTENT", "shorter": "c", "longer": strings.Repeat("content", 1000), "empty": "",
		} {
			a, err := s.Put(t.Context(), name, []byte("content"), "text/plain")
			require.NoError(t, err)
			overwrite(t, c, s, a, other)
			err = get(t, t.Context(), a)
			require.ErrorIs(t, err, storage.ErrCorrupt, name)
			require.False(t, storage.Retryable(err))
			for _, said := range []string{a.Key, s.Bucket(), a.SHA256, digest([]byte(other))} {
				require.ErrorContains(t, err, said)
			}
		}
	})

	t.Run("another digest than the artifact's", func(t *testing.T) {
		a, err := s.Put(t.Context(), "digest", []byte("content"), "text/plain")
		require.NoError(t, err)
		found := a.SHA256
		a.SHA256 = digest([]byte("CONTENT"))
		err = get(t, t.Context(), a)
		require.ErrorIs(t, err, storage.ErrCorrupt)
		require.ErrorContains(t, err, found)
		require.ErrorContains(t, err, a.SHA256)
	})

	t.Run("object that others wrote", func(t *testing.T) {
		_, err := rawClient(t, c).PutObject(t.Context(), s.Bucket(), "foreign", strings.NewReader("x"), 1,
			minio.PutObjectOptions{})
		require.NoError(t, err)
		a, err := s.Stat(t.Context(), "foreign")
		require.NoError(t, err)
		require.Equal(t, experiment.Artifact{Key: "foreign", Size: 1}, a)
		require.ErrorIs(t, get(t, t.Context(), a), storage.ErrCorrupt)
	})

	t.Run("cancelled", func(t *testing.T) {
		a, err := s.Put(t.Context(), "cancelled", []byte("content"), "text/plain")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, get(t, ctx, a), context.Canceled)
	})
}

func testGetFile(t *testing.T, c storage.Config) {
	s := newStore(t, c)
	data := largeContent()
	a, err := s.Put(t.Context(), "large", data, "application/octet-stream")
	require.NoError(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))

	require.NoError(t, s.GetFile(t.Context(), a, path), "replaces an older file")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, digest(data), digest(got))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)

	a.SHA256 = digest(nil)
	require.ErrorIs(t, s.GetFile(t.Context(), a, path), storage.ErrCorrupt)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, digest(data), digest(kept), "a failure keeps the older file")

	err = s.GetFile(t.Context(), a, filepath.Join(dir, "missing", "file"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotErrorIs(t, err, storage.ErrNotFound, "the object is there, the folder is not")
	require.False(t, storage.Retryable(err))
}
