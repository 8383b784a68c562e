package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
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

// TestFetchFileHeedsItsContext: no copy of the rest after the caller has given up.
func TestFetchFileHeedsItsContext(t *testing.T) {
	source := filepath.Join(t.TempDir(), "a.tar.gz")
	require.NoError(t, os.WriteFile(source, []byte("archive"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	_, err := Fetch(ctx, source, sumOf([]byte("archive")), folder)
	require.ErrorIs(t, err, context.Canceled)
	requireEmpty(t, folder)
}
