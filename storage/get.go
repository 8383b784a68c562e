package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"

	"twinview/experiment"
)

// Get reads an object and checks its size and SHA-256 against the artifact; a difference is ErrCorrupt.
func (s *Store) Get(ctx context.Context, a experiment.Artifact) ([]byte, error) {
	var data bytes.Buffer
	err := s.retry(ctx, "get "+a.Key, func() error {
		data.Reset()
		return s.read(ctx, a, &data)
	})
	if err != nil {
		return nil, err
	}
	return data.Bytes(), nil
}

// GetFile reads an object into a file, streaming. The file appears only when it is complete and verified, replacing one
// that is there; its folder must exist.
func (s *Store) GetFile(ctx context.Context, a experiment.Artifact, path string) error {
	doing := fmt.Sprintf("get %s into %s", a.Key, path)
	return s.retry(ctx, doing, func() error {
		return writeFile(path, func(w io.Writer) error { return s.read(ctx, a, w) })
	})
}

// read streams the object into w and verifies it. What w received counts only when the error is nil.
func (s *Store) read(ctx context.Context, a experiment.Artifact, w io.Writer) error {
	if a.SHA256 == "" {
		return fmt.Errorf("%w: %s has no SHA-256 recorded, so it can't be verified: it was not written by this program",
			ErrCorrupt, a.Key)
	}
	body, info, _, err := s.core.GetObject(ctx, s.bucket, a.Key, minio.GetObjectOptions{})
	if err != nil {
		return err
	}
	defer body.Close()
	if info.Size != a.Size {
		return fmt.Errorf("%w: %s in bucket %q at %s has %d bytes, expected %d: %s",
			ErrCorrupt, a.Key, s.bucket, s.endpoint, info.Size, a.Size, whenCorrupt)
	}
	sum := sha256.New()
	if _, err := io.Copy(localWriter{w}, io.TeeReader(body, sum)); err != nil {
		return err
	}
	if digest := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(digest, a.SHA256) {
		return s.corrupt(a.Key, a.SHA256, digest)
	}
	return nil
}

const whenCorrupt = "it was changed after it was written; restore it from a backup, or remove it and run again"

func (s *Store) corrupt(key, expected, found string) error {
	return fmt.Errorf("%w: %s in bucket %q at %s has SHA-256 %s, expected %s: %s",
		ErrCorrupt, key, s.bucket, s.endpoint, found, expected, whenCorrupt)
}

// localWriter marks its errors as ours, not the store's.
type localWriter struct{ io.Writer }

func (w localWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = localError{err}
	}
	return n, err
}

// writeFile calls write with a temporary file beside path, and moves it there when all has gone well. Nothing half-written
// is left.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return localError{err}
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	// A rename that survives a power cut must not point at bytes that don't.
	for _, finish := range []func() error{
		func() error { return f.Chmod(0o644) },
		f.Sync,
		f.Close,
		func() error { return os.Rename(f.Name(), path) },
	} {
		if err := finish(); err != nil {
			return localError{err}
		}
	}
	return nil
}
