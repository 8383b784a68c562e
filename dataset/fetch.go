package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Errors of Fetch. Trying again can help with any but ErrDigest.
var (
	// ErrDigest marks an archive whose bytes are not the expected ones.
	ErrDigest = errors.New("wrong SHA-256")
	// ErrUnreachable marks a server that gave no answer. The net package's error is in its chain.
	ErrUnreachable = errors.New("server can't be reached")
	// ErrDownload marks a server that answered, but refused the archive or stopped sending it.
	ErrDownload = errors.New("download failed")
	// ErrTruncated marks a download whose connection ended before the archive did.
	ErrTruncated = errors.New("truncated download")
)

// Fetch copies the file at source, a path or an http(s) URL, into the folder and returns its path there. The bytes are
// hashed while they stream; unless they have the expected SHA-256 the error is an ErrDigest. Other errors are ErrUnreachable,
// ErrDownload, ErrTruncated, os.ErrNotExist for a missing file and the context's own. After an error nothing is left behind.
func Fetch(ctx context.Context, source, sha256 string, folder string) (string, error) {
	r, err := open(ctx, source, stall)
	if err != nil {
		return "", err
	}
	defer r.Close()
	partial, err := os.CreateTemp(folder, ".fetch-*")
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", source, err)
	}
	defer os.Remove(partial.Name()) // no longer there after the rename
	defer partial.Close()
	if err := copyVerified(partial, r, source, sha256, fetchMost); err != nil {
		return "", err
	}
	if err := partial.Close(); err != nil {
		return "", fmt.Errorf("write the copy of %s: %w", source, err)
	}
	path := filepath.Join(folder, name(source))
	if err := os.Rename(partial.Name(), path); err != nil {
		return "", fmt.Errorf("fetch %s: %w", source, err)
	}
	return path, nil
}

// name is the file name at the end of a path or URL.
func name(source string) string {
	if u, err := url.Parse(source); err == nil && u.Host != "" {
		source = u.Path
	}
	base := filepath.Base(source)
	if base == "." || base == ".." || base == "/" {
		return "archive"
	}
	return base
}

// fetchMost bounds what a server can make a worker write before there is a digest to compare: more than most archives and
// all models have.
const fetchMost = 64 << 30

func copyVerified(w io.Writer, r io.Reader, source, want string, most int64) error {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, most+1))
	if err != nil {
		return fmt.Errorf("fetch %s: after %d bytes: %w", source, n, err)
	}
	if n > most {
		return fmt.Errorf("%w: %s has more than %d bytes, so it can't be what is expected", ErrDigest, source, most)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%w: %s (%d bytes) has %s, expected %s: the file is damaged or another one; fetch it again, or "+
			"correct the digest in the spec if it is meant to be this one", ErrDigest, source, n, got, want)
	}
	return nil
}

// open opens a file, or a download that fails when the server sends nothing for the given time.
func open(ctx context.Context, source string, silence time.Duration) (io.ReadCloser, error) {
	if strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://") {
		return download(ctx, source, silence)
	}
	f, err := os.Open(source)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return file{f, ctx}, nil
}

// file stops reading when its context is done. It has none of os.File's shortcuts for copying, which would not.
type file struct {
	file *os.File
	ctx  context.Context
}

func (f file) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.file.Read(p)
}

func (f file) Close() error { return f.file.Close() }

// Digest is the SHA-256 of a file, in hexadecimal. The error of a missing file is os.ErrNotExist.
func Digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
