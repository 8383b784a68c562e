package main

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// ending ends the worker that trains, at a moment, and starts another one later.
type ending struct {
	how  func(context.Context, *round, *worker)
	when func(context.Context, *round, harm) (release func(), err error)
}

func (e ending) do(ctx context.Context, r *round, h harm) error {
	release, err := e.when(ctx, r, h)
	if err != nil {
		return err
	}
	w := r.trainer()
	r.note(h.kind.name, "worker", w.name)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.how(ctx, r, w)
	}()
	if release != nil {
		// The signal is there before the rest of the bytes.
		sleep(ctx, 20*time.Millisecond)
		release()
	}
	<-ended
	sleep(ctx, h.lasting)
	return r.startWorker()
}

func kill(_ context.Context, r *round, w *worker) { r.end(w, (*process).kill) }

// terminate lets the worker hand back what it has. One that does not end in time fails the round.
func terminate(_ context.Context, r *round, w *worker) { r.end(w, r.stopGracefully) }

// inStep is some time after an epoch has begun.
func inStep(ctx context.Context, r *round, h harm) (func(), error) {
	if err := r.awaitTraining(ctx, h.where); err != nil {
		return nil, err
	}
	sleep(ctx, h.after)
	return nil, ctx.Err()
}

// betweenEpochs is just behind an epoch's end.
func betweenEpochs(ctx context.Context, r *round, h harm) (func(), error) {
	_, err := r.timeline.await(ctx, r.cursor, func(e event) bool {
		return e.What == "end" && placeOf(e).order() >= h.where.order() && e.Fields["experiment"] == r.name()
	})
	sleep(ctx, h.after/20)
	return nil, err
}

// inUpload holds an object half-way.
func inUpload(ctx context.Context, r *round, h harm) (func(), error) {
	f := newHold(h.at, r.putOf(h))
	r.storeGate.arm(f)
	select {
	case <-f.met:
		return func() { close(f.release) }, nil
	case <-ctx.Done():
		r.storeGate.disarm(f)
		return nil, context.Cause(ctx)
	}
}

// putOf is a put of the object that the harm aims at.
func (r *round) putOf(h harm) func(*http.Request) bool {
	prefix := "/" + r.config.Bucket + "/"
	return func(q *http.Request) bool {
		key, found := strings.CutPrefix(q.URL.Path, prefix)
		if !found || q.Method != http.MethodPut || !strings.HasPrefix(key, "experiments/"+r.name()+"/") {
			return false
		}
		what, where := classify(key)
		return what == h.object && (where == place{} || where.order() >= h.where.order())
	}
}

// killOneOfTwo pulls the plug on the worker that trains and measures how long it takes until the other one goes on.
func killOneOfTwo(ctx context.Context, r *round, h harm) error {
	if err := r.awaitTraining(ctx, h.where); err != nil {
		return err
	}
	sleep(ctx, h.after)
	from := r.timeline.now()
	w, where := r.training()
	if w == nil {
		return errMissed
	}
	killed := time.Now()
	r.note(h.kind.name, "worker", w.name)
	kill(ctx, r, w)
	begun, err := r.timeline.await(ctx, from, func(e event) bool {
		return e.What == "begin" && e.Source != w.name && placeOf(e).order() >= where.order()
	})
	if err == nil {
		r.takeOvers = append(r.takeOvers, begun.At.Sub(killed))
	}
	return r.startWorker()
}
