package storage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/minio/minio-go/v7"
)

// The kinds of failure, for errors.Is.
var (
	// ErrNotFound is a key that holds no object.
	ErrNotFound = errors.New("object not found")
	// ErrConflict is a key that holds other bytes already.
	ErrConflict = errors.New("object exists with other content")
	// ErrCorrupt is an object whose bytes differ from its digest, or that has none.
	ErrCorrupt = errors.New("object corrupt")
	// ErrNoBucket is a bucket that does not exist.
	ErrNoBucket = errors.New("bucket does not exist")
	// ErrAccess is a store that refuses the credentials.
	ErrAccess = errors.New("access denied")
	// ErrUnreachable is a store that does not answer, breaks off, or is not ready.
	ErrUnreachable = errors.New("object store unreachable")
	// ErrFull is a store without space.
	ErrFull = errors.New("object store full")
)

// Retryable says whether the same call may succeed later without anything being changed in the program: the store does
// not answer, or has no space at the moment.
func Retryable(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrFull)
}

// localError is a failure on this machine, such as a file that can't be written; it is no news about the store.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// explain says what kind of failure err is and what to do about it. Errors that are explained already pass unchanged.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	var local localError
	var response minio.ErrorResponse
	switch {
	case err == nil || isExplained(err):
		return err
	case errors.As(err, &local):
		return fmt.Errorf("%s: %w", doing, local.error)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w: no answer from %s in time: %w", doing, ErrUnreachable, s.endpoint, ctx.Err())
	case errors.As(err, &response):
		return s.explainResponse(doing, response)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("%s: the certificate of %s is not trusted: install its authority's certificate, "+
			"or name it in SSL_CERT_FILE: %w", doing, s.endpoint, err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s: %s does not speak TLS: use http:// in %s: %w", doing, s.endpoint, EnvEndpoint, err)
	case isNetwork(err):
		return fmt.Errorf("%s: %w: %s does not answer: check that it runs and that %s names it: %w",
			doing, ErrUnreachable, s.endpoint, EnvEndpoint, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// isNetwork says whether a request failed before, or an answer broke off after, the store had said anything.
func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, new(*url.Error)) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (s *Store) explainResponse(doing string, r minio.ErrorResponse) error {
	switch r.Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%s: %w in bucket %q of %s", doing, ErrNotFound, s.bucket, s.endpoint)
	case minio.NoSuchBucket:
		return fmt.Errorf("%s: %w", doing, s.noBucket())
	case minio.RequestTimeTooSkewed:
		return fmt.Errorf("%s: %w: the clocks of this machine and of %s differ: set them: %w",
			doing, ErrUnreachable, s.endpoint, r)
	case "XMinioStorageFull":
		return fmt.Errorf("%s: %w: free space at %s: %w", doing, ErrFull, s.endpoint, r)
	case minio.XAmzContentSHA256Mismatch:
		return fmt.Errorf("%s: the content changed while it was sent: %w", doing, r)
	}
	switch r.StatusCode {
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%s: %w: %s refuses the credentials for bucket %q: check %s and %s: %w",
			doing, ErrAccess, s.endpoint, s.bucket, EnvAccessKey, EnvSecretKey, r)
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w: %s is not ready (%s): try again, and look at its log: %w",
			doing, ErrUnreachable, s.endpoint, r.Code, r)
	case http.StatusInsufficientStorage:
		return fmt.Errorf("%s: %w: free space at %s: %w", doing, ErrFull, s.endpoint, r)
	}
	return fmt.Errorf("%s: %s answers %s: %w", doing, s.endpoint, r.Code, r)
}

func (s *Store) noBucket() error {
	return fmt.Errorf("%w: %q at %s: create it, or name another in %s (a worker creates it when it starts)",
		ErrNoBucket, s.bucket, s.endpoint, EnvBucket)
}

// isExplained says whether err is of one of this package's kinds.
func isExplained(err error) bool {
	kinds := []error{ErrNotFound, ErrConflict, ErrCorrupt, ErrNoBucket, ErrAccess, ErrUnreachable, ErrFull}
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}

// hasCode says whether err is an answer of the store with one of the S3 error codes.
func hasCode(err error, codes ...string) bool {
	var response minio.ErrorResponse
	return errors.As(err, &response) && slices.Contains(codes, response.Code)
}
