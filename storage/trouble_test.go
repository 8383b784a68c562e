package storage_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
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

// An object whose file loses or changes bytes on the server's disk is named, and never taken for missing or good. Nobody waits
// for it, and it can be put out of the way unless the server itself can't read it: then it stays.
func testDamagedDisk(t *testing.T, server *storagetest.Server) {
	s := newStore(t, server.Config)
	for name, damage := range map[string]func(t *testing.T, file string, size int64){
		"cut":     func(t *testing.T, file string, size int64) { require.NoError(t, os.Truncate(file, size*3/4)) },
		"empty":   func(t *testing.T, file string, _ int64) { require.NoError(t, os.Truncate(file, 0)) },
		"changed": func(t *testing.T, file string, size int64) { storagetest.Flip(t, file, size/100) },
		"late":    func(t *testing.T, file string, size int64) { storagetest.Flip(t, file, size-100) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := append(largeContent(), name...)
			a, err := s.Put(t.Context(), "dir/"+name, data, "text/plain")
			require.NoError(t, err)
			file := server.File(t, s.Bucket(), a.Key)
			info, err := os.Stat(file)
			require.NoError(t, err)
			damage(t, file, info.Size())

			_, get := s.Get(t.Context(), a)
			_, put := s.Put(t.Context(), a.Key, data, "text/plain")
			for _, err := range []error{get, put} {
				require.ErrorContains(t, err, a.Key)
				require.NotErrorIs(t, err, storage.ErrNotFound)
				require.NotErrorIs(t, err, storage.ErrConflict)
				require.ErrorIs(t, err, storage.ErrCorrupt)
				require.ErrorContains(t, err, "restore it from a backup, or remove it and run again")
			}

			left := a.Key
			if err := s.Move(t.Context(), a.Key, "aside/"+name); err == nil {
				left = "aside/" + name
				_, err = s.Stat(t.Context(), a.Key)
				require.ErrorIs(t, err, storage.ErrNotFound)
			} else {
				require.ErrorIs(t, err, storage.ErrCorrupt)
			}
			found, err := s.Stat(t.Context(), left)
			require.NoError(t, err)
			require.Equal(t, a.SHA256, found.SHA256, "its metadata goes along")
			again := a.Key
			if left == a.Key {
				again += ".again"
			}
			a, err = s.Put(t.Context(), again, data, "text/plain")
			require.NoError(t, err)
			_, err = s.Get(t.Context(), a)
			require.NoError(t, err)
		})
	}
}
