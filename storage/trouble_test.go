package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// operations are all that reach for the store. a is an object that is there.
func operations(t *testing.T, s *storage.Store, a experiment.Artifact) map[string]func() error {
	return map[string]func() error{
		"put":    func() error { _, err := s.Put(t.Context(), "new", []byte("content"), "text/plain"); return err },
		"get":    func() error { _, err := s.Get(t.Context(), a); return err },
		"stat":   func() error { _, err := s.Stat(t.Context(), a.Key); return err },
		"list":   func() error { _, err := s.List(t.Context(), ""); return err },
		"remove": func() error { return s.Remove(t.Context(), "nothing") },
		"ping":   func() error { return s.Ping(t.Context()) },
	}
}

// The credentials stop being good while the store is in use, as those do that expire, and become good again.
func testRevokedCredentials(t *testing.T, server *storagetest.Server) {
	s := newStore(t, server.Config)
	a, err := s.Put(t.Context(), "a", []byte("content"), "text/plain")
	require.NoError(t, err)

	server.Stop()
	server.Restart(t, "another-secret")
	for name, call := range operations(t, s, a) {
		err := call()
		require.ErrorIs(t, err, storage.ErrAccess, name)
		require.NotErrorIs(t, err, storage.ErrNotFound, name)
		require.ErrorContains(t, err, storage.EnvSecretKey, name)
		require.NotContains(t, err.Error(), server.Config.SecretKey, name)
		require.True(t, storage.Mendable(err), name)
	}

	server.Stop()
	server.Restart(t, server.Config.SecretKey)
	for name, call := range operations(t, s, a) {
		require.NoError(t, call(), name)
	}
}

// The bucket is removed while the store is in use.
func testRemovedBucket(t *testing.T, c storage.Config) {
	s := newStore(t, c)
	a := experiment.Artifact{Key: "a", SHA256: digest([]byte("a")), Size: 1}
	require.NoError(t, rawClient(t, c).RemoveBucket(t.Context(), s.Bucket()))
	for name, call := range operations(t, s, a) {
		err := call()
		require.ErrorIs(t, err, storage.ErrNoBucket, name)
		require.NotErrorIs(t, err, storage.ErrNotFound, name)
		require.ErrorContains(t, err, storage.EnvBucket, name)
		require.True(t, storage.Mendable(err), name)
	}
}

// intoSmallDisk runs what follows with 64 MiB of memory in place of the folder that is its last argument.
var intoSmallDisk = []string{
	"unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
	`for dir; do :; done; mount -t tmpfs -o size=64M none "$dir" && exec "$@"`, "sh",
}

func testFullDisk(t *testing.T, p storagetest.Program) {
	probe := exec.Command(intoSmallDisk[0], slices.Concat(intoSmallDisk[1:], []string{"true", t.TempDir()})...)
	if output, err := probe.CombinedOutput(); err != nil {
		t.Skipf("this system does not let a test mount a small disk: %v: %s", err, output)
	}
	s := newStore(t, p.Launch(t, intoSmallDisk...).Config)
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 8<<20) }
	var kept []experiment.Artifact
	var err error
	for i := 0; err == nil; i++ {
		require.Less(t, i, 10, "the disk is full by now")
		var a experiment.Artifact
		if a, err = s.Put(t.Context(), fmt.Sprint(i), content(i), "text/plain"); err == nil {
			kept = append(kept, a)
		}
	}
	require.ErrorIs(t, err, storage.ErrFull)
	require.ErrorContains(t, err, "free space")
	require.True(t, storage.Retryable(err))
	require.NotEmpty(t, kept)
	failed := fmt.Sprint(len(kept))
	_, err = s.Stat(t.Context(), failed)
	require.ErrorIs(t, err, storage.ErrNotFound, "no half of it")
	for _, a := range kept {
		_, err := s.Get(t.Context(), a)
		require.NoError(t, err, a.Key)
	}
}

// An object whose file loses or changes bytes on the server's disk is named, and never taken for missing or good.
func testDamagedDisk(t *testing.T, server *storagetest.Server) {
	s := newStore(t, server.Config)
	for name, damage := range map[string]func(t *testing.T, f *os.File, size int64){
		"cut":     func(t *testing.T, f *os.File, size int64) { require.NoError(t, f.Truncate(size*3/4)) },
		"empty":   func(t *testing.T, f *os.File, _ int64) { require.NoError(t, f.Truncate(0)) },
		"changed": func(t *testing.T, f *os.File, size int64) { flipByte(t, f, size/100) },
		"late":    func(t *testing.T, f *os.File, size int64) { flipByte(t, f, size-100) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := append(largeContent(), name...)
			a, err := s.Put(t.Context(), "dir/"+name, data, "text/plain")
			require.NoError(t, err)
			f, err := os.OpenFile(largestFile(t, filepath.Join(server.Dir, s.Bucket(), "dir", name)), os.O_RDWR, 0)
			require.NoError(t, err)
			defer f.Close()
			info, err := f.Stat()
			require.NoError(t, err)
			damage(t, f, info.Size())

			_, get := s.Get(t.Context(), a)
			_, put := s.Put(t.Context(), a.Key, data, "text/plain")
			for _, err := range []error{get, put} {
				require.ErrorContains(t, err, a.Key)
				require.NotErrorIs(t, err, storage.ErrNotFound)
				require.NotErrorIs(t, err, storage.ErrConflict)
				// A server that checks what it reads from its drives refuses to send it.
				if !errors.Is(err, storage.ErrCorrupt) {
					require.ErrorIs(t, err, storage.ErrUnreachable)
					require.ErrorContains(t, err, "can't read the object from its drives")
				}
				require.ErrorContains(t, err, "restore it from a backup, or remove it and run again")
			}
		})
	}
}

func flipByte(t *testing.T, f *os.File, at int64) {
	b := make([]byte, 1)
	_, err := f.ReadAt(b, at)
	require.NoError(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, at)
	require.NoError(t, err)
}

// largestFile is where the server keeps the bytes of an object: at the path itself, or somewhere below.
func largestFile(t *testing.T, path string) (largest string) {
	var most int64
	require.NoError(t, filepath.WalkDir(path, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > most {
			largest, most = p, info.Size()
		}
		return err
	}))
	return largest
}
