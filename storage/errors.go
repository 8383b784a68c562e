package storage

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

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
	// ErrAccess is a store that refuses the credentials: wrong, expired, or without the right to do this.
	ErrAccess = errors.New("access denied")
	// ErrEndpoint is an endpoint that answers, but not as an object store that can be talked to: another program, TLS on one
	// side only, a certificate that is not trusted.
	ErrEndpoint = errors.New("not a usable object store")
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

// Mendable says whether the same call, perhaps from a program started anew with other settings, succeeds once somebody has
// mended the settings or the store: credentials, bucket, endpoint, certificate. No artifact is at fault.
func Mendable(err error) bool {
	return errors.Is(err, ErrAccess) || errors.Is(err, ErrNoBucket) || errors.Is(err, ErrEndpoint)
}

// transferError is damage that may have been done on the way, so that another transfer may pass.
type transferError struct{ error }

func (e transferError) Unwrap() error { return e.error }

// localError is a failure on this machine, such as a file that can't be written; it is no news about the store.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// explain says what kind of failure err is and what to do about it. Errors that are explained already pass unchanged.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	var local localError
	var response minio.ErrorResponse
	switch {
	case err == nil || isExplained(err) || errors.As(err, new(transferError)):
		return err
	case errors.As(err, &local):
		return fmt.Errorf("%s: %w", doing, local.error)
	case errors.As(err, new(keyFileError)):
		return fmt.Errorf("%s: %w: %w", doing, ErrAccess, err)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w: no answer from %s in time: %w", doing, ErrUnreachable, s.endpoint, ctx.Err())
	case errors.As(err, &response):
		return s.explainResponse(doing, response)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("%s: %w: the certificate of %s is not trusted: renew it, or name its authority's certificate in %s: %w",
			doing, ErrEndpoint, s.endpoint, EnvCAFile, err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s: %w: %s does not speak TLS: use http:// in %s: %w",
			doing, ErrEndpoint, s.endpoint, EnvEndpoint, err)
	case strings.Contains(err.Error(), tlsAlert):
		return fmt.Errorf("%s: %w: %s speaks TLS: use https:// in %s: %w", doing, ErrEndpoint, s.endpoint, EnvEndpoint, err)
	case errors.As(err, new(*xml.SyntaxError)):
		return s.notS3(doing, err)
	case isNetwork(err):
		return fmt.Errorf("%s: %w: %s does not answer: check that it runs and that %s names it: %w",
			doing, ErrUnreachable, s.endpoint, EnvEndpoint, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// codeUnreadable is MinIO's answer where its own checks of an object fail, and where too few of its drives are there.
const codeUnreadable = "SlowDownRead"

// tlsAlert is how net/http quotes the beginning of a TLS alert, the answer to plain HTTP of a server that speaks TLS. It has
// no error of its own for that.
const tlsAlert = `malformed HTTP response "\x15\x03`

// notS3 is the error of an answer that no object store gives.
func (s *Store) notS3(doing string, err error) error {
	return fmt.Errorf("%s: %w: %s answers as another program would: check that %s names the S3 port and the right scheme: %w",
		doing, ErrEndpoint, s.endpoint, EnvEndpoint, err)
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
	case "QuotaExceeded", "XMinioAdminBucketQuotaExceeded":
		return fmt.Errorf("%s: %w: raise the quota of bucket %q at %s, or free space in it: %w",
			doing, ErrFull, s.bucket, s.endpoint, r)
	case minio.IncompleteBody:
		// Something cut the body off. MinIO says so too, now and then, of a body that its disk had no more room for, and then
		// tells of the disk when the put is made again.
		return transferError{fmt.Errorf("%s: the content was cut off while it was sent: %w", doing, r)}
	case minio.XAmzContentSHA256Mismatch, minio.BadDigest:
		return transferError{fmt.Errorf("%s: the content changed while it was sent: %w", doing, r)}
	case codeUnreadable:
		return fmt.Errorf("%s: %w: %s can't read the object from its drives: bring back missing drives; if there are none, "+
			"it is damaged: restore it from a backup, or remove it and run again: %w", doing, ErrUnreachable, s.endpoint, r)
	case "ExpiredToken", "InvalidToken", "InvalidTokenId", "TokenRefreshRequired":
		return fmt.Errorf("%s: %w: the credentials for %s have expired: put new ones into %s%s: %w",
			doing, ErrAccess, s.endpoint, s.keys, s.then, r)
	case minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch, "XAdminUserNotFound":
		return s.refused(doing, r)
	}
	switch r.StatusCode {
	case http.StatusForbidden, http.StatusUnauthorized:
		return s.refused(doing, r)
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w: %s is not ready (%s): try again, and look at its log: %w",
			doing, ErrUnreachable, s.endpoint, r.Code, r)
	case http.StatusInsufficientStorage:
		return fmt.Errorf("%s: %w: free space at %s: %w", doing, ErrFull, s.endpoint, r)
	}
	if withoutCode(r) {
		return s.notS3(doing, r)
	}
	return fmt.Errorf("%s: %s answers %s: %w", doing, s.endpoint, r.Code, r)
}

// withoutCode says whether err is an answer without an S3 error code, in whose place minio-go puts the HTTP status: that of
// another program, or one to HEAD, which has no room for it.
func withoutCode(err error) bool {
	var r minio.ErrorResponse
	return errors.As(err, &r) && strings.HasPrefix(r.Code, strconv.Itoa(r.StatusCode))
}

func (s *Store) refused(doing string, r minio.ErrorResponse) error {
	return fmt.Errorf("%s: %w: %s refuses the credentials for bucket %q: check %s, and what they may do: %w",
		doing, ErrAccess, s.endpoint, s.bucket, s.keys, r)
}

func (s *Store) noBucket() error {
	return fmt.Errorf("%w: %q at %s: create it, or name another in %s (a worker creates it when it starts)",
		ErrNoBucket, s.bucket, s.endpoint, EnvBucket)
}

// OutcomeOK is the outcome of a try that succeeded.
const OutcomeOK = "ok"

// outcome is the kind of an error in a word.
func outcome(err error) string {
	if err == nil {
		return OutcomeOK
	}
	for _, kind := range []struct {
		err  error
		name string
	}{
		{ErrNotFound, "not_found"}, {ErrConflict, "conflict"}, {ErrCorrupt, "corrupt"}, {ErrNoBucket, "no_bucket"},
		{ErrAccess, "access"}, {ErrEndpoint, "endpoint"}, {ErrUnreachable, "unreachable"}, {ErrFull, "full"},
		{context.Canceled, "cancelled"},
	} {
		if errors.Is(err, kind.err) {
			return kind.name
		}
	}
	return "other"
}

// isExplained says whether err is of one of this package's kinds.
func isExplained(err error) bool {
	kinds := []error{ErrNotFound, ErrConflict, ErrCorrupt, ErrNoBucket, ErrAccess, ErrEndpoint, ErrUnreachable, ErrFull}
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}

// hasCode says whether err is an answer of the store with one of the S3 error codes.
func hasCode(err error, codes ...string) bool {
	var response minio.ErrorResponse
	return errors.As(err, &response) && slices.Contains(codes, response.Code)
}
