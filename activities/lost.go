package activities

import (
	"context"
	"errors"
	"strings"

	"twinview/experiment"
	"twinview/storage"
	"twinview/telemetry"
)

// lost is the error of an artifact that can't be read back. Which one it is goes along with it to the workflow, which may
// know how to make it anew.
type lost struct {
	artifact experiment.Artifact
	error
}

func (l lost) Unwrap() error { return l.error }

// lose names the artifact in an error that says it is missing, short or altered. Others pass unchanged.
func lose(a experiment.Artifact, err error) error {
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrCorrupt) {
		return lost{a, err}
	}
	return err
}

// RollBack finds the newest of the checkpoints that can be read back, from which training can go on. The records of those
// behind it are withdrawn, so that these epochs are trained again, and what is damaged is set aside. Where the last
// checkpoint is as it should be, everything stays.
func (a *Activities) RollBack(ctx context.Context, in experiment.RollBackInput) (experiment.RolledBack, error) {
	first := experiment.Heartbeat{Stage: "roll back"}
	return attempt(ctx, a, first, func(ctx context.Context, _ *pulse) (experiment.RolledBack, error) {
		var result experiment.RolledBack
		for n := len(in.Checkpoints); n > 0; n-- {
			checkpoint := in.Checkpoints[n-1]
			if !strings.HasPrefix(checkpoint.Key, key(in.Experiment)+"/") {
				return result, badSpecf("roll back %s: it is no checkpoint of experiment %q", checkpoint.Key, in.Experiment)
			}
			_, err := a.Store.Get(ctx, checkpoint)
			if err == nil {
				result.Epochs = n
				break
			}
			if !errors.As(lose(checkpoint, err), new(lost)) {
				return result, err
			}
			aside, err := setAside(ctx, a.Store, checkpoint, err)
			if err != nil {
				return result, err
			}
			if aside != "" {
				result.Aside = append(result.Aside, aside)
			}
		}
		if result.Epochs < len(in.Checkpoints) {
			a.Metrics.RollBack(telemetry.Damaged)
		}
		return result, nil
	})
}

// setAside makes room for the work that led to a lost artifact to be done again: it withdraws the record and moves what is
// there to where it is in nobody's way, for people to look at. It returns the key where that lies now, empty where nothing
// was there.
func setAside(ctx context.Context, s Store, a experiment.Artifact, why error) (string, error) {
	// The record goes first: where there is one, the work counts as done.
	if err := s.Remove(ctx, recordKey(a.Key)); err != nil {
		return "", err
	}
	log := logger(ctx)
	aside := corruptKey(a.Key)
	err := s.Move(ctx, a.Key, aside)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		log.Warn("an artifact is gone: it is made again", "artifact", a.Key)
		return "", nil
	case errors.Is(err, storage.ErrCorrupt):
		// Nor can the server copy it. What is made in its place goes beside it, see put.
		aside = a.Key
	case err != nil:
		return "", err
	}
	log.Warn("an artifact is damaged: it is set aside and made again", "artifact", a.Key, "aside", aside, "error", why)
	return aside, nil
}
