package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"twinview/experiment"
	"twinview/storage"
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
		return nil, err
	}
	s, err := train.ReadState(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: checkpoint %s: %w", storage.ErrCorrupt, checkpoint.Key, err)
	}
	return s, nil
}

// epoch runs one epoch exactly once: where an earlier attempt has recorded it and its checkpoint is sound, that is the
// result; else it trains, publishes the checkpoint under key and then the record.
func epoch[T any](
	ctx context.Context, a *Activities, key string, from origin, training func() (*train.State, T, error),
) (record[T], error) {
	done, err := recorded[T](ctx, a.Store, key, from)
	if err != nil {
		return record[T]{}, err
	}
	if done != nil {
		s, err := a.state(ctx, done.Artifact)
		if err == nil {
			a.states.put(done.Artifact.SHA256, s)
			return *done, nil
		}
		// Retention may have removed the checkpoint in an earlier run: the same training makes it again.
		if !errors.Is(err, storage.ErrNotFound) {
			return record[T]{}, err
		}
	}
	s, result, err := training()
	if err != nil {
		return record[T]{}, err
	}
	var data bytes.Buffer
	if err := s.Write(&data); err != nil {
		return record[T]{}, fmt.Errorf("write checkpoint %s: %w", key, err)
	}
	artifact, err := replace(ctx, a.Store, key, data.Bytes(), typeBinary)
	if err != nil {
		return record[T]{}, err
	}
	r, err := commit(ctx, a.Store, record[T]{Origin: from, Artifact: artifact, Result: result})
	if err != nil {
		return record[T]{}, err
	}
	a.states.put(artifact.SHA256, s)
	return r, nil
}
