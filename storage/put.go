package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minio/minio-go/v7"

	"twinview/experiment"
)

// metaSHA256 is the user metadata that holds an object's digest (the header x-amz-meta-sha256). S3's own ETag and
// checksums depend on how an object was uploaded.
const metaSHA256 = "Sha256"

// lookFirst is the size in bytes from which Put asks whether the object is there before it sends it.
const lookFirst = 1 << 20

// Put writes data under the key if nothing is there yet. The same bytes under the key are success, other bytes are
// ErrConflict. data must not change during the call.
func (s *Store) Put(ctx context.Context, key string, data []byte, contentType string) (experiment.Artifact, error) {
	sum := sha256.Sum256(data)
	a := experiment.Artifact{Key: key, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
	return a, s.put(ctx, a, contentType, func() io.Reader { return bytes.NewReader(data) })
}

// PutFile is Put for the content of a file, which is read twice and never held in memory. The store refuses it where the
// file changes in between.
func (s *Store) PutFile(ctx context.Context, key, path, contentType string) (experiment.Artifact, error) {
	a := experiment.Artifact{Key: key}
	f, err := os.Open(path)
	if err != nil {
		return a, fmt.Errorf("put %s: %w", key, err)
	}
	defer f.Close()
	sum := sha256.New()
	a.Size, err = io.Copy(sum, contextReader{ctx, f})
	if err != nil {
		return a, fmt.Errorf("put %s: digest %s: %w", key, path, err)
	}
	a.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return a, s.put(ctx, a, contentType, func() io.Reader { return io.NewSectionReader(f, 0, a.Size) })
}

// put sends a body that has the digest of a. open returns a new reader of it each time.
func (s *Store) put(ctx context.Context, a experiment.Artifact, contentType string, open func() io.Reader) error {
	doing := "put " + a.Key
	var stored breaks
	err := s.retry(ctx, opPut, doing, func() error {
		if a.Size >= lookFirst {
			err := s.compare(ctx, a, &stored)
			if err == nil || !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		err := s.create(ctx, a, contentType, open())
		if !hasCode(err, minio.PreconditionFailed, "ConditionalRequestConflict") {
			return err
		}
		// Also where the object is ours: an earlier attempt has written it, and its answer was lost.
		err = s.compare(ctx, a, &stored)
		if errors.Is(err, ErrNotFound) {
			// The other writer has not finished, or its object was removed at once.
			return fmt.Errorf("%s: %w: %s is busy with another write to this key", doing, ErrUnreachable, s.endpoint)
		}
		return err
	})
	return s.judge(ctx, a, stored, err)
}

// create sends one conditional PUT. The digest goes along twice: in the signature, where the store checks the body against
// it, and as metadata.
func (s *Store) create(ctx context.Context, a experiment.Artifact, contentType string, body io.Reader) error {
	options := minio.PutObjectOptions{
		ContentType:  contentType,
		UserMetadata: map[string]string{metaSHA256: a.SHA256},
		// Signed as a whole, not chunk by chunk.
		DisableContentSha256: true,
	}
	options.SetMatchETagExcept("*")
	stored, err := s.core.PutObject(ctx, s.bucket, a.Key, body, a.Size, "", a.SHA256, options)
	if err == nil && stored.ETag == "" {
		return s.notS3("put "+a.Key, errNoETag)
	}
	return err
}

// compare returns nil where the key holds the bytes of a, ErrConflict where it holds others, ErrNotFound where it holds
// none. It reads the object: its metadata may be wrong. Where the reading breaks off is noted.
func (s *Store) compare(ctx context.Context, a experiment.Artifact, b *breaks) error {
	stored, recorded, err := s.download(ctx, a.Key, io.Discard, b)
	if err != nil {
		return s.explain(ctx, "read "+a.Key, err)
	}
	if stored.SHA256 == a.SHA256 {
		return nil
	}
	if recorded != "" && recorded != stored.SHA256 {
		return s.corrupt(experiment.Artifact{Key: a.Key, SHA256: recorded, Size: stored.Size}, stored)
	}
	return fmt.Errorf("%w: %s in bucket %q has SHA-256 %s, not %s: it is kept as it is; use another key, or remove it first",
		ErrConflict, a.Key, s.bucket, stored.SHA256, a.SHA256)
}

// contextReader ends with ctx. Its errors are those of the reader or of ctx.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
