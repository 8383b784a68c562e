package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
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

// A server that sends without end is given up before the disk is full.
func TestFetchIsBounded(t *testing.T) {
	var copied bytes.Buffer
	err := copyVerified(&copied, strings.NewReader("archive and more"), "a.tar.gz", sumOf([]byte("archive")), 7)
	require.ErrorIs(t, err, ErrDigest)
	require.ErrorContains(t, err, "more than 7 bytes")
	require.Equal(t, 8, copied.Len())
	require.NoError(t, copyVerified(&copied, strings.NewReader("archive"), "a.tar.gz", sumOf([]byte("archive")), 7))
}

func TestNameStaysInItsFolder(t *testing.T) {
	for source, want := range map[string]string{
		"/a/b.tar.gz": "b.tar.gz", "http://host/a/b.pt?c=/d": "b.pt", "/a/..": "archive", "http://host/a/..": "archive",
		"http://host": "archive", "..": "archive",
	} {
		require.Equal(t, want, name(source), source)
	}
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
