package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Store is one bucket. Its methods may be called side by side. Every error names the endpoint or the key it is about and
// wraps one of the errors of this package where one applies; a context that was cancelled is reported as its own error.
type Store struct {
	core     minio.Core
	endpoint string
	bucket   string
	// keys says where the credentials are set, then what else is needed for new ones to be used.
	keys, then string
	// web asks the server what is no part of S3.
	web http.Client
	// observe is told of every try; nil for nobody.
	observe func(Try)
}

// Open connects to the object store and checks that it answers and accepts the credentials. The bucket need not exist yet.
func Open(ctx context.Context, c Config) (*Store, error) { return open(ctx, c, silence) }

// open bounds how long a connection may carry nothing.
func open(ctx context.Context, c Config, silence time.Duration) (*Store, error) {
	if c.Region == "" {
		c.Region = DefaultRegion
	}
	trusted, err := c.trusted()
	if err != nil {
		return nil, err
	}
	transport := newTransport(silence, trusted)
	client, err := minio.New(c.Endpoint, &minio.Options{
		Creds:     credentials.New(fileKeys{c}),
		Secure:    c.Secure,
		Transport: transport,
		// A set region saves the request that asks for the bucket's.
		Region: c.Region,
		// 1 is no retry: Store retries whole operations, with a fresh body (see retry).
		MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", c, err)
	}
	s := &Store{
		core: minio.Core{Client: client}, endpoint: c.URL(), bucket: c.Bucket, web: http.Client{Transport: transport},
	}
	s.keys, s.then = c.keySettings()
	if _, err := s.bucketExists(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Bucket is the name of the bucket.
func (s *Store) Bucket() string { return s.bucket }

// EnsureBucket creates the bucket where it is missing.
func (s *Store) EnsureBucket(ctx context.Context) error {
	exists, err := s.bucketExists(ctx)
	if err != nil || exists {
		return err
	}
	doing := fmt.Sprintf("create bucket %q", s.bucket)
	return s.retry(ctx, opBucket, doing, func() error {
		err := s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{})
		if hasCode(err, minio.BucketAlreadyOwnedByYou, minio.BucketAlreadyExists) {
			// Another process was faster.
			return nil
		}
		return err
	})
}

// Ping checks that the object store answers, accepts the credentials and has the bucket.
func (s *Store) Ping(ctx context.Context) error {
	exists, err := s.bucketExists(ctx)
	if err != nil {
		return err
	}
	if !exists {
		return s.noBucket()
	}
	return nil
}

func (s *Store) bucketExists(ctx context.Context) (exists bool, err error) {
	err = s.retry(ctx, opBucket, fmt.Sprintf("look for bucket %q at %s", s.bucket, s.endpoint), func() error {
		exists, err = s.core.BucketExists(ctx, s.bucket)
		if err == nil && exists || err != nil && !withoutCode(err) {
			return err
		}
		return cmp.Or(s.checkKeys(ctx), err)
	})
	return exists, err
}

// checkKeys returns an error where the store does not know the credentials, or is none. Some servers say that a bucket is
// missing without having looked at who asks, and an answer to HEAD has no room for the reason.
func (s *Store) checkKeys(ctx context.Context) error {
	_, err := s.core.ListBuckets(ctx)
	if hasCode(err, minio.AccessDenied) {
		// They are known, and may not list.
		return nil
	}
	var response minio.ErrorResponse
	if errors.As(err, &response) && response.StatusCode == http.StatusNotFound && response.Code == minio.NoSuchBucket {
		// No bucket was asked for: whoever answers has nothing under any name.
		return s.notS3("list buckets", err)
	}
	return err
}
