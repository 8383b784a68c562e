package main

import (
	"context"
	"net/http"
	"path"
)

// losePut lets the store keep an object and its writer not know.
func losePut(ctx context.Context, r *round, h harm) error {
	return r.lose(ctx, r.storeGate, h, r.putOf(h))
}

// loseCall lets Temporal do what it is asked for, once an epoch has begun, and the worker not know.
func loseCall(ctx context.Context, r *round, h harm) error {
	if err := r.awaitTraining(ctx, h.where); err != nil {
		return err
	}
	return r.lose(ctx, r.temporalGate, h, callOf(h))
}

func callOf(h harm) func(*http.Request) bool {
	return func(q *http.Request) bool { return path.Base(q.URL.Path) == h.method }
}

func (r *round) lose(ctx context.Context, g *gate, h harm, wants func(*http.Request) bool) error {
	f := newLoss(h.how, wants)
	g.arm(f)
	select {
	case <-f.happened:
		r.note(h.kind.name)
		return nil
	case <-ctx.Done():
		g.disarm(f)
		return context.Cause(ctx)
	}
}
