package activities

import (
	"context"
	"errors"
	"strings"

	"twinview/experiment"
	"twinview/storage"
)

// PruneCheckpoints removes training checkpoints that the workflow has done with. Their records stay: a later run of the
// experiment learns from them that these epochs were trained, and goes on behind them. What is gone already is no error.
func (a *Activities) PruneCheckpoints(ctx context.Context, in experiment.PruneCheckpointsInput) error {
	first := experiment.Heartbeat{Stage: "prune"}
	_, err := attempt(ctx, first, func(ctx context.Context, _ *pulse) (struct{}, error) {
		for _, checkpoint := range in.Remove {
			if !strings.HasPrefix(checkpoint.Key, key(in.Experiment)+"/") {
				return struct{}{}, badSpecf("prune %s: it is no checkpoint of experiment %q", checkpoint.Key, in.Experiment)
			}
			if err := a.Store.Remove(ctx, checkpoint.Key); err != nil && !errors.Is(err, storage.ErrNotFound) {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	return err
}
