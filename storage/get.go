package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"twinview/experiment"
)

// Get reads an object and checks its size and SHA-256 against the artifact; a difference is ErrCorrupt.
func (s *Store) Get(ctx context.Context, a experiment.Artifact) ([]byte, error) {
	var data bytes.Buffer
	var b breaks
	err := s.retry(ctx, opGet, "get "+a.Key, func() error {
		data.Reset()
		return s.read(ctx, a, &data, &b)
	})
	if err != nil {
		return nil, s.judge(ctx, a, b, err)
	}
	return data.Bytes(), nil
}

// GetFile reads an object into a file, streaming. The file appears only when it is complete and verified, replacing one
// that is there; its folder must exist.
func (s *Store) GetFile(ctx context.Context, a experiment.Artifact, path string) error {
	doing := fmt.Sprintf("get %s into %s", a.Key, path)
	var b breaks
	err := s.retry(ctx, opGet, doing, func() error {
		return writeFile(path, func(w io.Writer) error { return s.read(ctx, a, w, &b) })
	})
	return s.judge(ctx, a, b, err)
}

// read streams the object into w and verifies it. What w received counts only when the error is nil.
func (s *Store) read(ctx context.Context, a experiment.Artifact, w io.Writer, b *breaks) error {
	if err := s.verifiable(a); err != nil {
		return err
	}
	found, _, err := s.download(ctx, a.Key, w, b)
	if err != nil {
		return err
	}
	if found.Size != a.Size || !strings.EqualFold(found.SHA256, a.SHA256) {
		return s.corrupt(a, found)
	}
	return nil
}

// verifiable refuses an artifact without a digest.
func (s *Store) verifiable(a experiment.Artifact) error {
	if a.SHA256 == "" {
		return fmt.Errorf("%w: %s has no SHA-256 recorded, so it can't be verified: it was not written by this program",
			ErrCorrupt, a.Key)
	}
	return nil
}

// download streams the object into w. It returns what came, and the digest that the writer recorded.
func (s *Store) download(
	ctx context.Context, key string, w io.Writer, b *breaks,
) (found experiment.Artifact, recorded string, err error) {
	body, info, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return found, "", err
	}
	defer body.Close()
	if info.ETag == "" {
		return found, "", s.notS3("get "+key, errNoETag)
	}
	sum := sha256.New()
	n, err := io.Copy(localWriter{w}, io.TeeReader(body, sum))
	found = experiment.Artifact{Key: key, SHA256: hex.EncodeToString(sum.Sum(nil)), Size: n}
	if err != nil {
		*b = append(*b, found)
	}
	return found, info.UserMetadata[metaSHA256], err
}

// errNoETag is an answer that lacks what every S3 server sends.
var errNoETag = errors.New("an answer without an ETag")

// breaks are the beginnings that were read in downloads that broke off.
type breaks []experiment.Artifact

// judge looks at the error that is left when all attempts are over.
func (s *Store) judge(ctx context.Context, a experiment.Artifact, b breaks, err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		// Whatever answers 404 to everything must not look like a lost artifact.
		if missing := s.Ping(ctx); missing != nil {
			return missing
		}
	case errors.Is(err, ErrUnreachable) && b.alike() && s.Ping(ctx) == nil:
		// A network breaks anywhere; a server that checks what it reads from its drives breaks off where the damage is.
		return fmt.Errorf("%w: the download breaks off there each time: %w", s.corrupt(a, b[0]), err)
	}
	return s.unreadable(ctx, a.Key, err)
}

// unreadable turns the error of an object that MinIO refuses to read into ErrCorrupt where none of its drives is away: then
// it is the object that is damaged, and no waiting helps.
func (s *Store) unreadable(ctx context.Context, key string, err error) error {
	if !hasCode(err, codeUnreadable) || !s.healthy(ctx) {
		return err
	}
	var response minio.ErrorResponse
	errors.As(err, &response)
	return fmt.Errorf("%w: %s in bucket %q at %s, whose drives are all there, does not pass the server's own checks: "+
		"restore it from a backup, or remove it and run again: %w", ErrCorrupt, key, s.bucket, s.endpoint, response)
}

// healthy says whether MinIO has the drives that it needs to read and write whatever it holds. Where another answers, or
// nobody does, nothing is known and it is false.
func (s *Store) healthy(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint+"/minio/health/cluster", nil)
	if err != nil {
		return false
	}
	response, err := s.web.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// alike says whether every attempt broke off after the same bytes.
func (b breaks) alike() bool {
	return len(b) > len(pauses) && !slices.ContainsFunc(b, func(a experiment.Artifact) bool { return a != b[0] })
}

// corrupt is the error of an object of which something else than expected was found.
func (s *Store) corrupt(expected, found experiment.Artifact) error {
	return transferError{fmt.Errorf("%w: %s in bucket %q at %s has %d bytes with SHA-256 %s, "+
		"expected %d bytes with SHA-256 %s: it was changed after it was written; restore it from a backup, or remove it and run again",
		ErrCorrupt, expected.Key, s.bucket, s.endpoint, found.Size, found.SHA256, expected.Size, expected.SHA256)}
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
