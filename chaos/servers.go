package main

import (
	"context"
	"fmt"
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

func cutStore(ctx context.Context, r *round, h harm) error { return r.cut(ctx, h, r.storeLink) }

func cutTemporal(ctx context.Context, r *round, h harm) error { return r.cut(ctx, h, r.temporalLink) }

func cutBoth(ctx context.Context, r *round, h harm) error {
	return r.cut(ctx, h, r.storeLink, r.temporalLink)
}

// cut pulls cables for a while. Three times the usual one, as only that is longer than Temporal's patience with a worker.
func (r *round) cut(ctx context.Context, h harm, links ...*link) error {
	if _, err := inStep(ctx, r, h); err != nil {
		return err
	}
	r.note(h.kind.name)
	for _, l := range links {
		l.cut()
	}
	sleep(ctx, cutFactor*h.lasting)
	for _, l := range links {
		if err := l.mend(); err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
	return nil
}

// cutFactor makes some cuts longer than the 10 s after which Temporal gives up a silent worker.
const cutFactor = 3

func slowBoth(ctx context.Context, r *round, h harm) error {
	if _, err := inStep(ctx, r, h); err != nil {
		return err
	}
	r.note(h.kind.name)
	for _, l := range []*link{r.storeLink, r.temporalLink} {
		defer l.heal()
		if err := l.slow(h.milliseconds, h.kilobytes); err != nil {
			return err
		}
	}
	sleep(ctx, h.lasting)
	return nil
}
