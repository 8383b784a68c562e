package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Specs that can't work are refused before anything is submitted. No worker is needed to find that out.
func TestBadSpec(t *testing.T) {
	t.Parallel()
	s := startStack(t)
	good := tinySpec(t, syntheticSet)
	s.refused(t, 2, []string{"run", tinySpec(t, syntheticSet+"temprature: 0.5\n")}, "line 10", "temprature", "unknown key")
	s.refused(t, 2, []string{"run", good, "--set", "pretrain.batch_size=1"}, "pretrain.batch_size: 1", "must be 2 to 4096")
	s.refused(t, 2, []string{"run", good, "--set", "pretrain.batch_size=1001"}, "pretrain.batch_size: 1001", "1000")
	s.refused(t, 2, []string{"run", good, "--set", "method.temperature=0"}, "method.temperature: 0", "must be 0.001 to 100")
	require.Contains(t, s.must(t, "list"), "there are no experiments")
}

func TestBadArchive(t *testing.T) {
	t.Parallel()
	s := startStack(t)
	s.startWorker(t)

	archive := filepath.Join(t.TempDir(), "cifar-10-binary.tar.gz")
	digest := writeTruncated(t, archive)
	other := strings.Repeat("0", 64)
	s.refused(t, 5, []string{"run", fromArchive(t, archive, other), "--name", "wrong-digest", "--watch"},
		"BadData", archive, digest, other)
	s.refused(t, 5, []string{"run", fromArchive(t, archive, digest), "--name", "truncated", "--watch"}, "BadData", "malformed", "unexpected EOF")
	s.refused(t, 5, []string{"run", fromArchive(t, "/no/such/archive", digest), "--name", "missing", "--watch"},
		"BadSpec", "dataset.source", "/no/such/archive")
	require.Empty(t, s.keys(t, ""), "nothing of it has reached the store")
	// What was refused took no name.
	s.must(t, "run", tinySpec(t, syntheticSet), "--name", "truncated")
}

func fromArchive(t *testing.T, path, digest string) string {
	t.Helper()
	return tinySpec(t, fmt.Sprintf("dataset: {name: cifar10, train_images: 1000, validation_images: 100, test_images: 100, "+
		"source: %q, sha256: %q}\n", path, digest))
}

// writeTruncated writes an archive that ends inside its first batch, and returns its digest.
func writeTruncated(t *testing.T, path string) string {
	t.Helper()
	var whole bytes.Buffer
	compressed := gzip.NewWriter(&whole)
	files := tar.NewWriter(compressed)
	const size = 30_730_000
	require.NoError(t, files.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/data_batch_1.bin", Mode: 0o644, Size: size}))
	_, err := files.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, files.Close())
	require.NoError(t, compressed.Close())
	half := whole.Bytes()[:whole.Len()/2]
	require.NoError(t, os.WriteFile(path, half, 0o600))
	sum := sha256.Sum256(half)
	return hex.EncodeToString(sum[:])
}
