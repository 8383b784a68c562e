package storage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/storage"
	"twinview/storage/storagetest"
)

const (
	upstream   = "upstream"
	downstream = "downstream"
)

// always is more often than any operation tries.
const always = 1 << 20

// harm is what a fault does.
type harm struct {
	// Times is how often it does it.
	Times int64
	// After is how many bytes a connection carries before it is cut.
	After int64
	// Flip changes a byte of a body instead, where a connection carries a long one.
	Flip bool
}

// fault is a toxic that does harm so many times. Toxiproxy's own choose the connections at random.
type fault struct {
	harm
	// met counts the occasions, harmed or not.
	met atomic.Int64
}

func (f *fault) Pipe(stub *toxics.ToxicStub) {
	if f.Flip {
		f.flip(stub)
	} else {
		f.cut(stub)
	}
}

// long is a chunk's length in bytes in the middle of which there is no header.
const long = 16 << 10

func (f *fault) flip(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			if n := len(c.Data); n >= long && f.met.Add(1) <= f.Times {
				c.Data[n/2] ^= 1
			}
			stub.Output <- c
		}
	}
}

func (f *fault) cut(stub *toxics.ToxicStub) {
	left, known, meant := f.After, false, false
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			if !known {
				known, meant = true, f.met.Add(1) <= f.Times
			}
			if meant && left < int64(len(c.Data)) {
				if c.Data = c.Data[:left]; left > 0 {
					stub.Output <- c
				}
				stub.Close()
				return
			}
			left -= int64(len(c.Data))
			stub.Output <- c
		}
	}
}

func init() { toxics.Register("fault", new(fault)) }

// way leads to a server and can be made bad.
type way struct {
	*toxiproxy.Proxy
	t *testing.T
}

// newWay returns a way to the server and the configuration that takes it.
func newWay(t *testing.T, c storage.Config) (way, storage.Config) {
	t.Helper()
	p := storagetest.Proxy(t, c.Endpoint)
	c.Endpoint = p.Listen
	return way{p, t}, c
}

// add puts a toxic into the way, whose name is its type.
func (w way) add(kind, direction string, attributes any) {
	w.t.Helper()
	described, err := json.Marshal(map[string]any{
		"type": kind, "name": kind, "stream": direction, "toxicity": 1, "attributes": attributes,
	})
	require.NoError(w.t, err)
	_, err = w.Toxics.AddToxicJson(bytes.NewReader(described))
	require.NoError(w.t, err)
}

func (w way) remove(kind string) {
	w.t.Helper()
	require.NoError(w.t, w.Toxics.RemoveToxic(context.Background(), kind))
}

// met is how many occasions for harm there were.
func (w way) met() int64 { return w.Toxics.GetToxic("fault").Toxic.(*fault).met.Load() }

func testFaults(t *testing.T, c storage.Config) {
	// bad opens a store on a bucket of its own whose way to the server then turns bad, and puts an object there before.
	bad := func(t *testing.T, kind, direction string, attributes any) (*storage.Store, experiment.Artifact, way) {
		w, proxied := newWay(t, c)
		s := newStore(t, proxied)
		a, err := s.Put(t.Context(), "before", largeContent(), "text/plain")
		require.NoError(t, err)
		w.add(kind, direction, attributes)
		return s, a, w
	}
	missing := func(t *testing.T, s *storage.Store, key string) {
		_, err := rawClient(t, c).StatObject(t.Context(), s.Bucket(), key, minio.StatObjectOptions{})
		require.Equal(t, minio.NoSuchKey, minio.ToErrorResponse(err).Code, "%v", err)
	}

	for name, data := range map[string][]byte{"small": []byte("content"), "large": largeContent()} {
		t.Run("lost answer to put, "+name, func(t *testing.T) {
			t.Parallel()
			// Before a large object is sent, the store is asked whether it is there: a way that loses all answers but that one
			// does not exist, so these are lost one after the other.
			for lost := range int64(3) {
				w, proxied := newWay(t, c)
				s := newStore(t, proxied)
				w.add("fault", downstream, harm{Times: lost})
				key := string(rune('a' + lost))
				a, err := s.Put(t.Context(), key, data, "text/plain")
				require.NoError(t, err)
				require.Equal(t, digest(data), a.SHA256)
				require.Greater(t, w.met(), lost)
				got, err := s.Get(t.Context(), a)
				require.NoError(t, err)
				require.Equal(t, a.SHA256, digest(got))
			}
		})
	}

	t.Run("all answers lost", func(t *testing.T) {
		t.Parallel()
		s, _, w := bad(t, "fault", downstream, harm{Times: always})
		_, err := s.Put(t.Context(), "key", []byte("ours"), "text/plain")
		require.ErrorIs(t, err, storage.ErrUnreachable)
		require.True(t, storage.Retryable(err))
		w.remove("fault")
		_, err = s.Put(t.Context(), "key", []byte("ours"), "text/plain")
		require.NoError(t, err, "it was stored, or is now")
	})

	t.Run("lost answer to a put that another was faster than", func(t *testing.T) {
		t.Parallel()
		s, _, _ := bad(t, "fault", downstream, harm{Times: 1})
		theirs, err := newStore(t, c).Put(t.Context(), "key", []byte("theirs"), "text/plain")
		require.NoError(t, err)
		_, err = s.Put(t.Context(), "key", []byte("ours"), "text/plain")
		require.ErrorIs(t, err, storage.ErrConflict)
		require.ErrorContains(t, err, theirs.SHA256)
		require.ErrorContains(t, err, digest([]byte("ours")))
	})

	t.Run("cut upload", func(t *testing.T) {
		t.Parallel()
		s, _, w := bad(t, "fault", upstream, harm{Times: always, After: 1 << 20})
		data := append(largeContent(), 1)
		_, err := s.Put(t.Context(), "key", data, "text/plain")
		require.ErrorIs(t, err, storage.ErrUnreachable)
		missing(t, s, "key")
		w.remove("fault")
		a, err := s.Put(t.Context(), "key", data, "text/plain")
		require.NoError(t, err)
		_, err = s.Get(t.Context(), a)
		require.NoError(t, err)
	})

	t.Run("upload cut once", func(t *testing.T) {
		t.Parallel()
		s, _, w := bad(t, "fault", upstream, harm{Times: 1, After: 1 << 20})
		a, err := s.Put(t.Context(), "key", append(largeContent(), 1), "text/plain")
		require.NoError(t, err)
		require.Greater(t, w.met(), int64(1))
		_, err = s.Get(t.Context(), a)
		require.NoError(t, err)
	})

	t.Run("upload altered once", func(t *testing.T) {
		t.Parallel()
		s, _, _ := bad(t, "fault", upstream, harm{Times: 1, Flip: true})
		data := append(largeContent(), 1)
		a, err := s.Put(t.Context(), "key", data, "text/plain")
		require.NoError(t, err)
		got, err := s.Get(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, digest(data), digest(got))
	})

	t.Run("upload always altered", func(t *testing.T) {
		t.Parallel()
		s, _, _ := bad(t, "fault", upstream, harm{Times: always, Flip: true})
		_, err := s.Put(t.Context(), "key", append(largeContent(), 1), "text/plain")
		require.ErrorContains(t, err, "changed while it was sent")
		missing(t, s, "key")
	})

	for name, f := range map[string]harm{
		"broken once": {Times: 1, After: 3 << 20}, "broken twice": {Times: 2, After: 1 << 20},
		"altered once": {Times: 1, Flip: true},
	} {
		t.Run("download "+name, func(t *testing.T) {
			t.Parallel()
			s, a, w := bad(t, "fault", downstream, f)
			got, err := s.Get(t.Context(), a)
			require.NoError(t, err)
			require.Equal(t, a.SHA256, digest(got))
			require.GreaterOrEqual(t, w.met(), f.Times)
			w.remove("fault")
			w.add("fault", downstream, f)
			path := filepath.Join(t.TempDir(), "file")
			require.NoError(t, s.GetFile(t.Context(), a, path))
			got, err = os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, a.SHA256, digest(got))
		})
	}

	for name, f := range map[string]harm{
		"short":   {Times: always, After: 3 << 20},
		"altered": {Times: always, Flip: true},
	} {
		t.Run("download always "+name, func(t *testing.T) {
			t.Parallel()
			s, a, _ := bad(t, "fault", downstream, f)
			_, err := s.Get(t.Context(), a)
			require.ErrorIs(t, err, storage.ErrCorrupt)
			require.ErrorContains(t, err, a.Key)
			require.ErrorContains(t, err, a.SHA256)
			s, a, _ = bad(t, "fault", downstream, f)
			dir := t.TempDir()
			require.ErrorIs(t, s.GetFile(t.Context(), a, filepath.Join(dir, "file")), storage.ErrCorrupt)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}

	t.Run("latency", func(t *testing.T) {
		t.Parallel()
		s, a, _ := bad(t, "latency", downstream, toxics.LatencyToxic{Latency: 200, Jitter: 100})
		_, err := s.Put(t.Context(), "key", []byte("content"), "text/plain")
		require.NoError(t, err)
		_, err = s.Get(t.Context(), a)
		require.NoError(t, err)
	})

	t.Run("slow download", func(t *testing.T) {
		t.Parallel()
		s, a, _ := bad(t, "bandwidth", downstream, toxics.BandwidthToxic{Rate: 5 << 10})
		got, err := s.Get(t.Context(), a)
		require.NoError(t, err)
		require.Equal(t, a.SHA256, digest(got))
	})

	t.Run("reset connections", func(t *testing.T) {
		t.Parallel()
		s, a, w := bad(t, "reset_peer", downstream, toxics.ResetToxic{})
		_, err := s.Get(t.Context(), a)
		require.ErrorIs(t, err, storage.ErrUnreachable)
		_, err = s.Stat(t.Context(), "nothing")
		require.ErrorIs(t, err, storage.ErrUnreachable)
		require.NotErrorIs(t, err, storage.ErrNotFound)
		w.remove("reset_peer")
		_, err = s.Get(t.Context(), a)
		require.NoError(t, err)
	})

	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		w, proxied := newWay(t, c)
		a, err := newStore(t, proxied).Put(t.Context(), "key", []byte("content"), "text/plain")
		require.NoError(t, err)
		proxied.Bucket = bucketName(t)
		s, err := storage.OpenImpatient(t.Context(), proxied, time.Second)
		require.NoError(t, err)
		w.add("latency", downstream, toxics.LatencyToxic{Latency: time.Hour.Milliseconds()})
		for name, call := range map[string]func() error{
			"put":  func() error { _, err := s.Put(t.Context(), "other", []byte("content"), "text/plain"); return err },
			"get":  func() error { _, err := s.Get(t.Context(), a); return err },
			"stat": func() error { _, err := s.Stat(t.Context(), a.Key); return err },
		} {
			err := call()
			require.ErrorIs(t, err, storage.ErrUnreachable, name)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, name)
			require.True(t, storage.Retryable(err), name)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err = s.Get(ctx, a)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, storage.ErrUnreachable)
	})

	t.Run("server gone and back", func(t *testing.T) {
		t.Parallel()
		w, proxied := newWay(t, c)
		s := newStore(t, proxied)
		a, err := s.Put(t.Context(), "key", []byte("content"), "text/plain")
		require.NoError(t, err)
		w.Stop()
		_, err = s.Get(t.Context(), a)
		require.ErrorIs(t, err, storage.ErrUnreachable)
		require.NoError(t, w.Start())
		_, err = s.Get(t.Context(), a)
		require.NoError(t, err)
	})
}
