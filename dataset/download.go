package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// stall is how long a server may send nothing.
const stall = 60 * time.Second

// client gives up on a server that stays silent, however long a healthy download takes.
var client = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
	TLSHandshakeTimeout:   15 * time.Second,
	ResponseHeaderTimeout: stall,
	// Some servers declare a .gz file's own compression as that of the transfer. The transport would undo it, and the
	// bytes would no longer have the archive's digest.
	DisableCompression: true,
}}

// download requests the archive. Whoever reads it must close it.
func download(ctx context.Context, source string, silence time.Duration) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	response, err := request(ctx, source)
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("download %s: %w", source, err)
	}
	b := &body{ReadCloser: response.Body, ctx: ctx, cancel: cancel, length: response.ContentLength, silence: silence}
	b.alarm = time.AfterFunc(silence, func() {
		cancel(fmt.Errorf("%w: the server sent nothing for %v", ErrDownload, silence))
	})
	return b, nil
}

// request returns a response with status 200.
func request(ctx context.Context, source string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(r)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		// Its URL stays out of the message: the server may have led on to one that is signed, which is a secret.
		if at := (*url.Error)(nil); errors.As(err, &at) {
			err = at.Err
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%w: the server answered %s", ErrDownload, response.Status)
	}
	return response, nil
}

// body is a response's body that ends with an error when it stalls or stops short.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	alarm   *time.Timer
	silence time.Duration
	length  int64 // −1 where the server did not say
	read    int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if n > 0 {
		b.alarm.Reset(b.silence)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if cause := context.Cause(b.ctx); cause != nil {
		return n, cause
	}
	if b.length >= 0 {
		return n, fmt.Errorf("%w: %d of %d bytes arrived: %w", ErrTruncated, b.read, b.length, err)
	}
	return n, fmt.Errorf("%w: %d bytes arrived: %w", ErrTruncated, b.read, err)
}

func (b *body) Close() error {
	b.alarm.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
