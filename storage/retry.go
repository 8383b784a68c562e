package storage

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Operations on the store, as a Try names them.
const (
	opBucket = "bucket"
	opPut    = "put"
	opGet    = "get"
	opStat   = "stat"
	opList   = "list"
	opMove   = "move"
	opRemove = "remove"
)

// Operations lists the values of Try.Operation.
func Operations() []string {
	return []string{opBucket, opPut, opGet, opStat, opList, opMove, opRemove}
}

// Try is one try of an operation, for those who watch the store.
type Try struct {
	// Operation is one of Operations.
	Operation string
	// Number counts the tries of the operation from 1.
	Number  int
	Seconds float64
	// Outcome is OutcomeOK or the kind of the error: "unreachable", "conflict".
	Outcome string
}

// Observe has f called after each try of each operation, perhaps side by side. Call it before others use the store.
func (s *Store) Observe(f func(Try)) { s.observe = f }

// An operation is tried this often, with these pauses, before the store counts as unreachable: about ten seconds where
// packets vanish, less than one where the connection is refused. Whoever can wait longer calls again.
var pauses = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond}

// retry runs an operation until it succeeds or fails in a way that repeating it soon does not help, and explains the error.
// The operation must start from nothing each time: minio-go's own retry rewinds a body that the broken request may still be
// reading, and it can't repeat a download that breaks off half-way.
func (s *Store) retry(ctx context.Context, operation, doing string, do func() error) (err error) {
	_, span := otel.Tracer("twinview/storage").Start(ctx, spanOf(operation), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("twinview.store.doing", doing)))
	defer func() {
		span.SetAttributes(attribute.String("twinview.store.outcome", outcome(err)))
		if err != nil && !errors.Is(err, ErrNotFound) {
			span.SetStatus(codes.Error, outcome(err))
		}
		span.End()
	}()
	return s.tries(ctx, operation, doing, do)
}

// spanOf is the name of an operation's span.
func spanOf(operation string) string {
	switch operation {
	case opGet:
		return "download"
	case opPut:
		return "upload"
	}
	return "store " + operation
}

func (s *Store) tries(ctx context.Context, operation, doing string, do func() error) error {
	for i, pause := range pauses {
		err := s.try(ctx, operation, doing, i+1, do)
		if again := Retryable(err) || errors.As(err, new(transferError)); !again || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return s.explain(ctx, doing, ctx.Err())
		}
	}
	return s.try(ctx, operation, doing, len(pauses)+1, do)
}

// try runs an operation once, explains its error and tells of it.
func (s *Store) try(ctx context.Context, operation, doing string, number int, do func() error) error {
	start := time.Now()
	err := s.explain(ctx, doing, do())
	if s.observe != nil {
		s.observe(Try{operation, number, time.Since(start).Seconds(), outcome(err)})
	}
	return err
}
