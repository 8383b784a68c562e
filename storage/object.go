package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"twinview/experiment"
)

// Stat describes the object under a key, or returns ErrNotFound. SHA256 is what the writer recorded, unverified; it is empty
// for an object that this package did not write.
func (s *Store) Stat(ctx context.Context, key string) (experiment.Artifact, error) {
	var info minio.ObjectInfo
	err := s.retry(ctx, opStat, "look for "+key, func() (err error) {
		info, err = s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
		return err
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrEndpoint) {
		// An answer to HEAD has no body, so not every server can say that it is the bucket that is missing, or what else.
		if missing := s.Ping(ctx); missing != nil {
			return experiment.Artifact{}, missing
		}
	}
	if err != nil {
		return experiment.Artifact{}, s.unreadable(ctx, key, err)
	}
	return experiment.Artifact{Key: key, SHA256: info.UserMetadata[metaSHA256], Size: info.Size}, nil
}

// statsAtOnce is how many requests List has under way.
const statsAtOnce = 8

// List describes the objects whose keys begin with prefix, in the order of their keys. An object that disappears meanwhile
// is left out.
func (s *Store) List(ctx context.Context, prefix string) ([]experiment.Artifact, error) {
	objects, err := s.Objects(ctx, prefix)
	if err != nil {
		return nil, err
	}
	// ListObjectsV2 has no metadata in plain S3, so the digests take a request each.
	found := make([]experiment.Artifact, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(statsAtOnce)
	for i, object := range objects {
		group.Go(func() (err error) {
			found[i], err = s.Stat(ctx, object.Key)
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(a experiment.Artifact) bool { return a.Key == "" }), nil
}

// Object is what a listing tells of an object.
type Object struct {
	Key string
	// Size is its length in bytes.
	Size int64
	// Modified is when it was written, by the store's clock.
	Modified time.Time
}

// Objects lists the objects whose keys begin with prefix, in the order of their keys, whoever wrote them.
func (s *Store) Objects(ctx context.Context, prefix string) (objects []Object, err error) {
	err = s.retry(ctx, opList, "list "+prefix, func() error {
		objects = nil
		for info := range s.core.Client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
			if info.Err != nil {
				return info.Err
			}
			objects = append(objects, Object{info.Key, info.Size, info.LastModified})
		}
		return nil
	})
	return objects, err
}

// Move puts the object under another key, whatever its bytes are, and in the place of what is there; its metadata goes along.
// It is for objects that are in the way: nothing is verified. ErrNotFound is a key that holds none, ErrCorrupt an object that
// the server itself can't read, which stays where it is.
func (s *Store) Move(ctx context.Context, from, to string) error {
	err := s.retry(ctx, opMove, fmt.Sprintf("move %s to %s", from, to), func() error {
		_, err := s.core.CopyObject(ctx, s.bucket, from, s.bucket, to, nil, minio.CopySrcOptions{}, minio.PutObjectOptions{})
		return err
	})
	if err != nil {
		return s.unreadable(ctx, from, err)
	}
	return s.Remove(ctx, from)
}

// Remove deletes the object under a key. A key that holds none is success. S3 has no conditional removal: remove nothing that
// another may be about to write.
func (s *Store) Remove(ctx context.Context, key string) error {
	return s.retry(ctx, opRemove, "remove "+key, func() error {
		return s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{})
	})
}
