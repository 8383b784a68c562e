package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"

	"twinview/experiment"
)

// codeInvalidRange is the answer where an object has ended before what is asked for.
const codeInvalidRange = "InvalidRange"

// Download is GetFile over connections that break: what has come stays beside path, in a file that ends in ".part", and this
// call and the next go on behind it. It returns how many bytes an earlier call had left. path appears only when it is complete and
// verified; what is found not to be the artifact's is thrown away. Two downloads to one path at a time get in each other's way.
func (s *Store) Download(ctx context.Context, a experiment.Artifact, path string) (resumed int64, err error) {
	if err := s.verifiable(a); err != nil {
		return 0, err
	}
	part := partFile(a, path)
	if info, err := os.Stat(part); err == nil && info.Size() <= a.Size {
		resumed = info.Size()
	}
	doing := fmt.Sprintf("get %s into %s", a.Key, path)
	var b breaks
	err = s.retry(ctx, opGet, doing, func() error { return s.complete(ctx, a, part, path, &b) })
	return resumed, s.judge(ctx, a, b, err)
}

// partFile has a name of its own for each content: a rest of one object is never continued with another's bytes.
func partFile(a experiment.Artifact, path string) string {
	return fmt.Sprintf("%s.%.12s.part", path, a.SHA256)
}

// complete brings the part to its end and moves it to path.
func (s *Store) complete(ctx context.Context, a experiment.Artifact, part, path string, b *breaks) error {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return localError{err}
	}
	defer f.Close()
	p := &partial{file: f, sum: sha256.New()}
	if err := p.reread(a.Size); err != nil {
		return localError{err}
	}
	if p.size < a.Size || a.Size == 0 {
		if err := s.continued(ctx, a, p, b); err != nil {
			return err
		}
	}
	if found := p.artifact(a.Key); found.Size != a.Size || !strings.EqualFold(found.SHA256, a.SHA256) {
		// Nobody knows which of its bytes are wrong: the next attempt begins with none.
		if err := errors.Join(f.Close(), os.Remove(part)); err != nil {
			return localError{err}
		}
		return s.corrupt(a, found)
	}
	// A rename that survives a power cut must not point at bytes that don't.
	for _, finish := range []func() error{f.Sync, f.Close, func() error { return os.Rename(part, path) }} {
		if err := finish(); err != nil {
			return localError{err}
		}
	}
	return nil
}

// continued streams what is missing behind the part.
func (s *Store) continued(ctx context.Context, a experiment.Artifact, p *partial, b *breaks) error {
	var o minio.GetObjectOptions
	if p.size > 0 {
		if err := o.SetRange(p.size, 0); err != nil {
			return err
		}
	}
	body, info, header, err := s.core.GetObject(ctx, s.bucket, a.Key, o)
	if hasCode(err, codeInvalidRange) {
		// The object is shorter than the part. What is there now, an attempt from the beginning finds out.
		if err := p.reset(); err != nil {
			return localError{err}
		}
		return transferError{fmt.Errorf("get %s: it has ended before the %d bytes that it should have: %w", a.Key, a.Size, err)}
	}
	if err != nil {
		return err
	}
	defer body.Close()
	if info.ETag == "" {
		return s.notS3("get "+a.Key, errNoETag)
	}
	if p.size > 0 && !isFrom(header, p.size) {
		if err := p.reset(); err != nil { // the server sends it all
			return localError{err}
		}
	}
	if _, err = io.Copy(localWriter{p}, body); err != nil {
		*b = append(*b, p.artifact(a.Key))
	}
	return err
}

// isFrom says whether an answer begins with the byte of that number.
func isFrom(header http.Header, first int64) bool {
	return strings.HasPrefix(header.Get("Content-Range"), fmt.Sprintf("bytes %d-", first))
}

// partial is the beginning of an object in a file.
type partial struct {
	file *os.File
	sum  hash.Hash
	size int64
}

// reread takes in what the file holds already; what is longer than the object is nothing of it.
func (p *partial) reread(most int64) error {
	n, err := io.Copy(p.sum, p.file)
	if err == nil && n > most {
		return p.reset()
	}
	p.size = n
	return err
}

func (p *partial) reset() error {
	p.sum.Reset()
	p.size = 0
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

func (p *partial) Write(data []byte) (int, error) {
	n, err := p.file.Write(data)
	p.sum.Write(data[:n])
	p.size += int64(n)
	return n, err
}

func (p *partial) artifact(key string) experiment.Artifact {
	return experiment.Artifact{Key: key, SHA256: hex.EncodeToString(p.sum.Sum(nil)), Size: p.size}
}
