package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"twinview/experiment"
	"twinview/layout"
	"twinview/storage"
)

// origin identifies what a piece of training started from. With the experiment's spec, of which there is one per name,
// it determines every bit of the outcome.
type origin struct {
	// Data is the data set's digest, From that of the checkpoint or of the initial weights; empty where the seed decides them.
	Data string `json:"data"`
	From string `json:"from"`
	// RateFactor is what the learning rates of the spec are multiplied by after a divergence, 0 before.
	RateFactor float64 `json:"rate_factor,omitempty"`
}

// record says what a piece of training produced. It is a small JSON file beside the artifact, and it is written last: where
// there is a record, an attempt has finished the work, and only its report to Temporal can have been lost.
type record[T any] struct {
	// Version is layout.RecordVersion, 0 in a record from before there were versions.
	Version  int                 `json:"version,omitempty"`
	Origin   origin              `json:"origin"`
	Artifact experiment.Artifact `json:"artifact"`
	Result   T                   `json:"result"`
}

// recordKey is the key of the record beside an artifact, also beside one under a key of its content.
func recordKey(artifact string) string {
	return layout.RecordKey(artifact)
}

// recorded returns the record beside the artifact, or nil where the work has not been finished. A record of other work
// under the same key is storage.ErrConflict. One that is damaged says nothing: it is removed, and the work done again.
func recorded[T any](ctx context.Context, s Store, artifact string, from origin) (*record[T], error) {
	key := recordKey(artifact)
	stored, err := s.Stat(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := layout.CheckSize(stored); err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
	}
	data, err := s.Get(ctx, stored)
	if errors.Is(err, storage.ErrCorrupt) {
		logger(ctx).Warn("a record is damaged: the work is done again", "error", err)
		return nil, s.Remove(ctx, key)
	}
	if err != nil {
		return nil, err
	}
	var r record[T]
	if err := layout.Decode(data, "record "+key, layout.RecordVersion, &r); err != nil {
		return nil, err
	}
	if r.Origin != from {
		return nil, fmt.Errorf("%w: %s records training from other data or another checkpoint: "+
			"run the experiment under a new name", storage.ErrConflict, key)
	}
	return &r, nil
}

// commit publishes the record of the artifact that belongs under the key artifact. The first one counts: where another
// attempt was faster, commit returns that one's record, which may name other bits where its processor rounds otherwise.
func commit[T any](ctx context.Context, s Store, artifact string, r record[T]) (record[T], error) {
	key := recordKey(artifact)
	r.Version = layout.RecordVersion
	data, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("write %s: %w", key, err)
	}
	_, err = s.Put(ctx, key, data, typeJSON)
	if !errors.Is(err, storage.ErrConflict) {
		return r, err
	}
	other, err := recorded[T](ctx, s, artifact, r.Origin)
	if err != nil {
		return r, err
	}
	if other == nil {
		return r, fmt.Errorf("%w: %s was there and is gone", storage.ErrNotFound, key)
	}
	return *other, nil
}

// put publishes an artifact that no record names yet under the key, or, where that holds other bytes, beside it under a key
// of its own content: "epoch-0042.1f3a5c7e9b2d.safetensors". The other bytes may be those of an attempt that died before it
// could record them, or that lives and is about to, perhaps on a processor that rounds otherwise; or they were damaged. The
// record, of which there is only one, says whose count, so nothing is ever taken away from under another attempt.
func put(ctx context.Context, s Store, key string, data []byte, contentType string) (experiment.Artifact, error) {
	a, err := s.Put(ctx, key, data, contentType)
	if !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrCorrupt) {
		return a, err
	}
	// Whoever else writes under this key writes the same bytes, so others that are there are damaged ones.
	return replace(ctx, s, contentKey(key, data), data, contentType)
}

// replace publishes a file that people look for under its key. Other bytes under it were left by an attempt that died before
// it could tell anybody of them, perhaps by a worker of another version, or were damaged since.
func replace(ctx context.Context, s Store, key string, data []byte, contentType string) (experiment.Artifact, error) {
	a, err := s.Put(ctx, key, data, contentType)
	if !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrCorrupt) {
		return a, err
	}
	if err := s.Remove(ctx, key); err != nil {
		return a, err
	}
	return s.Put(ctx, key, data, contentType)
}

// wrap says what was being done, unless it worked.
func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
