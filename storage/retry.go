package storage

import (
	"context"
	"errors"
	"time"
)

// An operation is tried this often, with these pauses, before the store counts as unreachable: about ten seconds where
// packets vanish, less than one where the connection is refused. Whoever can wait longer calls again.
var pauses = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond}

// retry runs an operation until it succeeds or fails in a way that repeating it soon does not help, and explains the error.
// The operation must start from nothing each time: minio-go's own retry rewinds a body that the broken request may still be
// reading, and it can't repeat a download that breaks off half-way.
func (s *Store) retry(ctx context.Context, doing string, operation func() error) error {
	for _, pause := range pauses {
		err := s.explain(ctx, doing, operation())
		if again := Retryable(err) || errors.As(err, new(transferError)); !again || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return s.explain(ctx, doing, ctx.Err())
		}
	}
	return s.explain(ctx, doing, operation())
}
