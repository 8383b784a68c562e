package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Errors of Fetch.
var (
	// ErrDigest marks an archive whose bytes are not the expected ones.
	ErrDigest = errors.New("wrong SHA-256")
	// ErrDownload marks a server that answered, but not with the archive. Trying again can help.
	ErrDownload = errors.New("download failed")
)

// stall is how long a server may send nothing.
const stall = 60 * time.Second

// Fetch copies the archive at source, a path or an http(s) URL, into the folder and returns its path there. The bytes are
// hashed while they stream; unless they have the expected SHA-256 the error is an ErrDigest and nothing is left behind. A
// missing file is os.ErrNotExist, an unreachable server a net error.
func Fetch(ctx context.Context, source, sha256 string, folder string) (string, error) {
	r, err := open(ctx, source)
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
	if err := copyVerified(partial, r, source, sha256); err != nil {
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
	if base == "." || base == "/" {
		return "archive"
	}
	return base
}

func copyVerified(w io.Writer, r io.Reader, source, want string) error {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), r)
	if err != nil {
		return fmt.Errorf("fetch %s: after %d bytes: %w", source, n, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%w: %s (%d bytes) has %s, expected %s: the file is damaged or another one; fetch it again, or set "+
			"dataset.sha256 if it is meant to be this one", ErrDigest, source, n, got, want)
	}
	return nil
}

func open(ctx context.Context, source string) (io.ReadCloser, error) {
	if !strings.HasPrefix(source, "http://") && !strings.HasPrefix(source, "https://") {
		f, err := os.Open(source)
		if err != nil {
			return nil, fmt.Errorf("open data set: %w", err)
		}
		return f, nil
	}
	return download(ctx, source)
}

// client gives up on a server that stays silent, however long a healthy download takes.
var client = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
	TLSHandshakeTimeout:   15 * time.Second,
	ResponseHeaderTimeout: stall,
}}

func download(ctx context.Context, source string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("download %s: %w", source, err)
	}
	response, err := client.Do(request)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("download: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		cancel(nil)
		return nil, fmt.Errorf("%w: %s answered %s", ErrDownload, source, response.Status)
	}
	b := &body{ReadCloser: response.Body, ctx: ctx, cancel: cancel, length: response.ContentLength}
	b.silence = time.AfterFunc(stall, func() {
		cancel(fmt.Errorf("%w: %s sent nothing for %v", ErrDownload, source, stall))
	})
	return b, nil
}

// body is a response's body that ends with an error when it stalls or stops short.
type body struct {
	io.ReadCloser
	ctx          context.Context
	cancel       context.CancelCauseFunc
	silence      *time.Timer
	length, read int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if n > 0 {
		b.silence.Reset(stall)
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && b.length >= 0 && b.read < b.length, errors.Is(err, io.ErrUnexpectedEOF):
		return n, fmt.Errorf("%w: truncated: %d of %d bytes arrived", ErrDownload, b.read, b.length)
	case errors.Is(err, io.EOF):
		return n, io.EOF
	case context.Cause(b.ctx) != nil:
		return n, context.Cause(b.ctx)
	}
	return n, err
}

func (b *body) Close() error {
	b.silence.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// digestOf is the SHA-256 of a file, in hexadecimal.
func digestOf(path string) (string, error) {
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
