package main

import (
	"context"
	"fmt"
	"time"
)

func killStore(ctx context.Context, r *round, h harm) error { return r.killServer(ctx, h, r.store) }

func killTemporal(ctx context.Context, r *round, h harm) error {
	return r.killServer(ctx, h, r.temporal)
}

func (r *round) killServer(ctx context.Context, h harm, s *server) error {
	if _, err := inStep(ctx, r, h); err != nil {
		return err
	}
	r.note(h.kind.name)
	s.stop()
	sleep(ctx, h.lasting)
	// It must be back whatever happens, for the next round.
	if err := s.start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	return nil
}

// Cables of a worker.
func toStore(w *worker) []*link    { return []*link{w.store} }
func toTemporal(w *worker) []*link { return []*link{w.temporal} }
func toBoth(w *worker) []*link     { return []*link{w.store, w.temporal} }

// cutting cuts cables of all workers.
type cutting func(*worker) []*link

// cutFactor makes some cuts longer than the 10 s after which Temporal gives up a silent worker.
const cutFactor = 3

func (c cutting) do(ctx context.Context, r *round, h harm) error {
	if _, err := inStep(ctx, r, h); err != nil {
		return err
	}
	r.note(h.kind.name)
	return cut(ctx, r.links(c), cutFactor*h.lasting)
}

// links are cables of all workers that run.
func (r *round) links(of func(*worker) []*link) (all []*link) {
	for _, w := range r.live {
		all = append(all, of(w)...)
	}
	return all
}

func cut(ctx context.Context, links []*link, lasting time.Duration) error {
	for _, l := range links {
		l.cut()
	}
	sleep(ctx, lasting)
	for _, l := range links {
		if err := l.mend(); err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	return nil
}

// cutOneOfTwo cuts the worker off that trains, until after Temporal has given it up: it trains on beside the one that takes over.
func cutOneOfTwo(ctx context.Context, r *round, h harm) error {
	if _, err := inStep(ctx, r, h); err != nil {
		return err
	}
	w := r.trainer()
	r.note(h.kind.name, "worker", w.name)
	return cut(ctx, toBoth(w), givenUp+h.lasting)
}

// givenUp is how long Temporal waits for a heartbeat.
const givenUp = 10 * time.Second

func slowBoth(ctx context.Context, r *round, h harm) error {
	if _, err := inStep(ctx, r, h); err != nil {
		return err
	}
	r.note(h.kind.name)
	for _, l := range r.links(toBoth) {
		defer l.heal()
		if err := l.slow(h.milliseconds, h.kilobytes); err != nil {
			return err
		}
	}
	sleep(ctx, h.lasting)
	return nil
}
