package storage_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
	"twinview/storage/storagetest"
)

// newStore opens a store on an empty bucket of its own.
func newStore(t *testing.T, c storage.Config) *storage.Store {
	t.Helper()
	c.Bucket = bucketName(t)
	s, err := storage.Open(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, s.EnsureBucket(t.Context()))
	return s
}

// bucketName is a valid name that no other test uses.
func bucketName(t *testing.T) string {
	sum := sha256.Sum256([]byte(t.Name()))
	return "test-" + hex.EncodeToString(sum[:8])
}

// rawClient reaches the objects behind the store's back.
func rawClient(t *testing.T, c storage.Config) *minio.Client {
	t.Helper()
	client, err := minio.New(c.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)})
	require.NoError(t, err)
	return client
}

// overwrite changes the bytes of an object and keeps its recorded digest, as a failing disk would.
func overwrite(t *testing.T, c storage.Config, s *storage.Store, a experiment.Artifact, data string) {
	t.Helper()
	_, err := rawClient(t, c).PutObject(t.Context(), s.Bucket(), a.Key, strings.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{UserMetadata: map[string]string{"sha256": a.SHA256}})
	require.NoError(t, err)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func testBucket(t *testing.T, c storage.Config) {
	t.Run("bucket", func(t *testing.T) {
		c.Bucket = bucketName(t)
		s, err := storage.Open(t.Context(), c)
		require.NoError(t, err)

		err = s.Ping(t.Context())
		require.ErrorIs(t, err, storage.ErrNoBucket)
		require.ErrorContains(t, err, c.Bucket)
		require.ErrorContains(t, err, storage.EnvBucket)
		require.False(t, storage.Retryable(err))

		require.NoError(t, s.EnsureBucket(t.Context()))
		require.NoError(t, s.EnsureBucket(t.Context()), "a second time")
		require.NoError(t, s.Ping(t.Context()))
	})

	t.Run("every method names a missing bucket", func(t *testing.T) {
		c.Bucket = bucketName(t)
		s, err := storage.Open(t.Context(), c)
		require.NoError(t, err)
		a := experiment.Artifact{Key: "a", SHA256: digest([]byte("a")), Size: 1}
		_, put := s.Put(t.Context(), "a", []byte("a"), "text/plain")
		_, get := s.Get(t.Context(), a)
		_, stat := s.Stat(t.Context(), "a")
		_, list := s.List(t.Context(), "")
		for name, err := range map[string]error{
			"put": put, "get": get, "stat": stat, "list": list, "remove": s.Remove(t.Context(), "a"),
		} {
			require.ErrorIs(t, err, storage.ErrNoBucket, name)
			require.ErrorContains(t, err, c.Bucket, name)
		}
	})

	t.Run("wrong credentials", func(t *testing.T) {
		for name, spoil := range map[string]func(*storage.Config){
			"unknown access key": func(c *storage.Config) { c.AccessKey = "nobody" },
			"wrong secret key":   func(c *storage.Config) { c.SecretKey = "not the secret" },
		} {
			spoilt := c
			spoil(&spoilt)
			_, err := storage.Open(t.Context(), spoilt)
			require.ErrorIs(t, err, storage.ErrAccess, name)
			require.False(t, storage.Retryable(err), name)
			require.ErrorContains(t, err, storage.EnvSecretKey, name)
			require.ErrorContains(t, err, c.Endpoint, name)
			require.NotContains(t, err.Error(), spoilt.SecretKey, name)
			require.NotContains(t, err.Error(), c.SecretKey, name)
		}
	})

	t.Run("TLS where the server speaks none", func(t *testing.T) {
		secure := c
		secure.Secure = true
		_, err := storage.Open(t.Context(), secure)
		require.ErrorContains(t, err, "does not speak TLS")
		require.False(t, storage.Retryable(err))
	})

	t.Run("invalid bucket name", func(t *testing.T) {
		c.Bucket = "No Such Name"
		_, err := storage.Open(t.Context(), c)
		require.Error(t, err)
		require.False(t, storage.Retryable(err))
		require.ErrorContains(t, err, c.Bucket)
	})
}

func TestOpenReportsAnUnreachableServerWithinSeconds(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c := storage.Config{Endpoint: l.Addr().String(), Bucket: "simclr", AccessKey: "a", SecretKey: "secret-key"}

	start := time.Now()
	_, err = storage.Open(t.Context(), c)
	require.ErrorIs(t, err, storage.ErrUnreachable)
	require.True(t, storage.Retryable(err))
	require.Less(t, time.Since(start), 5*time.Second)
	require.ErrorContains(t, err, c.Endpoint)
	require.ErrorContains(t, err, storage.EnvEndpoint)
}

// A server that accepts connections and says nothing holds a call no longer than the caller's deadline.
func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c := storage.Config{Endpoint: l.Addr().String(), Bucket: "simclr", AccessKey: "a", SecretKey: "b"}

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = storage.Open(ctx, c)
	require.ErrorIs(t, err, storage.ErrUnreachable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, storage.Retryable(err))

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err = storage.Open(ctx, c)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, storage.Retryable(err))
}

func testServerKilled(t *testing.T, server *storagetest.Server) {
	s := newStore(t, server.Config)
	a, err := s.Put(t.Context(), "a", []byte("content"), "text/plain")
	require.NoError(t, err)

	server.Stop()
	for name, call := range map[string]func() error{
		"put":    func() error { _, err := s.Put(t.Context(), "b", []byte("content"), "text/plain"); return err },
		"get":    func() error { _, err := s.Get(t.Context(), a); return err },
		"stat":   func() error { _, err := s.Stat(t.Context(), "a"); return err },
		"list":   func() error { _, err := s.List(t.Context(), ""); return err },
		"remove": func() error { return s.Remove(t.Context(), "a") },
		"ping":   func() error { return s.Ping(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := call()
			require.ErrorIs(t, err, storage.ErrUnreachable)
			require.True(t, storage.Retryable(err))
		})
	}
}
