package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"twinview/experiment"
	"twinview/storage"
	"twinview/telemetry"
	"twinview/train"
)

// state returns the training state of a checkpoint, from memory where this worker made it last, else from the store,
// verified. The caller owns it.
func (a *Activities) state(ctx context.Context, checkpoint experiment.Artifact) (*train.State, error) {
	if s := a.states.take(checkpoint.SHA256); s != nil {
		return s, nil
	}
	data, err := a.Store.Get(ctx, checkpoint)
	if err != nil {
		return nil, lose(checkpoint, err)
	}
	s, err := train.ReadState(bytes.NewReader(data))
	if errors.As(err, new(*experiment.VersionError)) {
		return nil, fmt.Errorf("checkpoint %s: %w", checkpoint.Key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: checkpoint %s: %w", storage.ErrCorrupt, checkpoint.Key, err)
	}
	return s, nil
}

// epochWork is an epoch as an activity does it.
type epochWork[T any] struct {
	// at is where the activity is before the first step.
	at   experiment.Heartbeat
	spec *experiment.Spec
	// key is that of the checkpoint in which the epoch ends, from what it starts from.
	key  string
	from origin
	// train computes the epoch without publishing anything.
	train func(ctx context.Context, k *keeper) (*train.State, T, error)
	// tell has the metrics know what a computed epoch came to, when it is published.
	tell func(T)
}

// epoch runs one epoch exactly once: where an earlier attempt has recorded it, that is the result; else it trains, unless that
// has begun ahead, publishes the checkpoint and then the record. Meanwhile the next epoch begins, nil where there is none.
// Checkpoints inside the epoch go when it is recorded; those of an epoch that is given up, PruneCheckpoints removes.
func epoch[T any](ctx context.Context, a *Activities, p *pulse, w epochWork[T], next *epochWork[T]) (record[T], error) {
	k := a.newKeeper(ctx, w.spec, w.key, p)
	training := func() (*train.State, T, error) { return w.train(ctx, k) }
	b := a.ahead.take(w.key, w.spec, w.from)
	if b != nil {
		k = b.attend(k)
		training = func() (*train.State, T, error) { return trained[T](b) }
	}
	leave := func() { // also where the epoch was found finished
		b.stop()
		k.abandon()
	}
	defer leave()
	computed := false
	r, following, err := trainOnce(ctx, a, w, next, func() (*train.State, T, error) {
		defer k.abandon()
		s, result, err := training()
		computed = err == nil
		if err != nil {
			k.settle()
		}
		return s, result, err
	})
	if err != nil {
		return r, err
	}
	leave()
	k.discard()
	if computed {
		a.Metrics.EpochsDone(w.at.Stage, 1)
		w.tell(r.Result)
	}
	a.ahead.offer(following, r.Artifact.SHA256, a.Ahead)
	return r, nil
}

// trainOnce returns the epoch's record and, where it goes on from what was computed here, the next epoch, which has begun.
func trainOnce[T any](
	ctx context.Context, a *Activities, w epochWork[T], next *epochWork[T], training func() (*train.State, T, error),
) (r record[T], following *begun, err error) {
	if done, ok, err := finished[T](ctx, a, w.key, w.from); ok || err != nil {
		return done, nil, err
	}
	s, result, err := training()
	if err != nil {
		return r, nil, err
	}
	following = begin(ctx, a, next, s)
	r, same, err := publish(ctx, a, w, s, result)
	if !same {
		following.stop()
		following = nil
	}
	return r, following, err
}

// publish stores what was computed, and returns what is recorded, which may be another attempt's. same says that it is not.
func publish[T any](
	ctx context.Context, a *Activities, w epochWork[T], s *train.State, result T,
) (r record[T], same bool, err error) {
	start := time.Now()
	var data bytes.Buffer
	if err := s.Write(&data); err != nil {
		return r, false, fmt.Errorf("write checkpoint %s: %w", w.key, err)
	}
	// Another attempt may have finished while this one trained: what it recorded must not be replaced.
	if done, ok, err := finished[T](ctx, a, w.key, w.from); ok || err != nil {
		return done, false, err
	}
	publishing, end := telemetry.Span(ctx, spanCheckpoint)
	artifact, err := put(publishing, a.Store, w.key, data.Bytes(), typeBinary)
	end(err)
	if err != nil {
		return r, false, err
	}
	a.Metrics.Checkpoint(telemetry.WholeEpoch, time.Since(start), artifact.Size)
	a.states.put(artifact.SHA256, s)
	r, err = commit(ctx, a.Store, w.key, record[T]{Origin: w.from, Artifact: artifact, Result: result})
	return r, err == nil && r.Artifact == artifact, err
}

// finished returns the record of an epoch, if an attempt has finished it. Its checkpoint is verified and kept at hand for
// the next epoch. Retention may have removed it: then a later epoch's is there, and nobody will ask for this one. Where it is
// damaged, it is set aside and the epoch counts as not finished.
func finished[T any](ctx context.Context, a *Activities, key string, from origin) (r record[T], ok bool, err error) {
	done, err := recorded[T](ctx, a.Store, key, from)
	if done == nil || err != nil {
		return r, false, err
	}
	s, err := a.state(ctx, done.Artifact)
	if errors.Is(err, storage.ErrNotFound) {
		return *done, true, nil
	}
	if errors.Is(err, storage.ErrCorrupt) {
		_, err = setAside(ctx, a.Store, done.Artifact, err)
		return r, false, err
	}
	if err != nil {
		return r, false, err
	}
	a.states.put(done.Artifact.SHA256, s)
	return *done, true, nil
}
