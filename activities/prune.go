package activities

import (
	"context"
	"errors"
	"strings"

	"twinview/experiment"
	"twinview/storage"
)

// PruneCheckpoints removes training checkpoints that the workflow has done with, and their records. What is gone already
// is no error.
func (a *Activities) PruneCheckpoints(ctx context.Context, in experiment.PruneCheckpointsInput) error {
	first := experiment.Heartbeat{Stage: "prune"}
	_, err := attempt(ctx, first, func(ctx context.Context, _ func(experiment.Heartbeat)) (struct{}, error) {
		for _, checkpoint := range in.Remove {
			if !strings.HasPrefix(checkpoint.Key, key(in.Experiment)+"/") {
				return struct{}{}, badSpecf("prune %s: it is no checkpoint of experiment %q", checkpoint.Key, in.Experiment)
			}
			// The record goes last: while it is there, it says which bits the checkpoint had.
			for _, k := range []string{checkpoint.Key, recordKey(checkpoint.Key)} {
				if err := a.Store.Remove(ctx, k); err != nil && !errors.Is(err, storage.ErrNotFound) {
					return struct{}{}, err
				}
			}
		}
		return struct{}{}, nil
	})
	return err
}
