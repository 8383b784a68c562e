package main

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"twinview/attribute"
	"twinview/experiment"
)

const (
	// completing is how many experiments are asked at a time, completeTimeout how long one may take to answer.
	completing      = 8
	completeTimeout = 3 * time.Second
)

// complete fills in what Temporal does not know of experiments without search attributes. That is nice to know: what can't be had,
// because no worker answers or a payload key is missing, is left out.
func (t *connection) complete(ctx context.Context, experiments []overview) {
	var (
		group  errgroup.Group
		silent atomic.Bool
	)
	group.SetLimit(completing)
	for i := range experiments {
		o := &experiments[i]
		if o.indexed {
			continue
		}
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, completeTimeout)
			defer cancel()
			v, err := t.values(ctx, o, &silent)
			if err == nil {
				o.describe(v)
			}
			return nil
		})
	}
	// None returns an error.
	_ = group.Wait()
}

// values are what search attributes would be. Where one running experiment has not answered, no worker does, and others need not
// be asked.
func (t *connection) values(ctx context.Context, o *overview, silent *atomic.Bool) (attribute.Values, error) {
	spec, err := t.spec(ctx, o.Name, o.run)
	if err != nil {
		return attribute.Values{}, err
	}
	v := attribute.Submitted(spec)
	v.Stage = ""
	var p *experiment.Progress
	switch {
	case o.Status == "finished":
		var r experiment.Result
		if err := t.GetWorkflow(ctx, o.Name, o.run).Get(ctx, &r); err != nil {
			return v, nil
		}
		p = finished(r)
	case silent.Load():
		return v, nil
	default:
		if p, err = t.progress(ctx, o.Name, o.run); err != nil {
			silent.Store(isAway(err))
			return v, nil
		}
	}
	v.Stage, v.Paused, v.Diverged = p.Stage, p.Paused, p.Retry != nil
	v.Loss, v.BestAccuracy = p.Loss(), p.BestAccuracy()
	return v, nil
}
