package activities

import (
	"context"
	"errors"
	"path"
	"strings"

	"twinview/experiment"
	"twinview/storage"
)

// PruneCheckpoints removes training checkpoints that the workflow has done with. Their records stay: a later run of the
// experiment learns from them that these epochs were trained, and goes on behind them. What is gone already is no error.
func (a *Activities) PruneCheckpoints(ctx context.Context, in experiment.PruneCheckpointsInput) error {
	first := experiment.Heartbeat{Stage: "prune"}
	_, err := attempt(ctx, a, first, func(ctx context.Context, _ *pulse) (struct{}, error) {
		for _, checkpoint := range in.Remove {
			if !strings.HasPrefix(checkpoint.Key, key(in.Experiment)+"/") {
				return struct{}{}, badSpecf("prune %s: it is no checkpoint of experiment %q", checkpoint.Key, in.Experiment)
			}
			if err := a.Store.Remove(ctx, checkpoint.Key); err != nil && !errors.Is(err, storage.ErrNotFound) {
				return struct{}{}, err
			}
		}
		return struct{}{}, a.giveUp(ctx, in)
	})
	return err
}

// giveUp removes the checkpoints between two steps of the epoch that was given up, if one was. After a divergence the second
// try at it has a folder of its own inside the stage's.
func (a *Activities) giveUp(ctx context.Context, in experiment.PruneCheckpointsInput) error {
	if in.Unfinished == nil {
		return nil
	}
	given := in.Unfinished
	inside := path.Base(partialPrefix(epochKey(in.Experiment, given.Stage, given.Epoch)))
	return a.removeFrom(ctx, key(in.Experiment, given.Stage)+"/", func(key string) bool {
		return path.Base(path.Dir(key)) == inside
	})
}

// removeInside removes all checkpoints inside an epoch, those of all attempts.
func (a *Activities) removeInside(ctx context.Context, epochKey string) error {
	return a.removeFrom(ctx, partialPrefix(epochKey), func(string) bool { return true })
}

// removeFrom removes what is wanted of the objects whose keys begin with prefix. What is gone already is no error.
func (a *Activities) removeFrom(ctx context.Context, prefix string, wanted func(key string) bool) error {
	stored, err := a.Store.List(ctx, prefix)
	for _, c := range stored {
		if !wanted(c.Key) {
			continue
		}
		if failed := a.Store.Remove(ctx, c.Key); !errors.Is(failed, storage.ErrNotFound) {
			err = errors.Join(err, failed)
		}
	}
	return err
}
