package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/experiment"
	"twinview/storage"
	"twinview/train"
)

// prepareWeights makes sure that the store has the initial weights which the spec names, and that they fit the encoder. It
// returns nil where the seed decides.
func (a *Activities) prepareWeights(ctx context.Context, spec *experiment.Spec) (*experiment.Artifact, error) {
	w := spec.Encoder.Weights
	if w == nil {
		return nil, nil
	}
	stored, err := a.Store.Stat(ctx, weightsKey(w.SHA256))
	if errors.Is(err, storage.ErrNotFound) {
		stored, err = a.uploadWeights(ctx, *w)
	}
	if err != nil {
		return nil, err
	}
	if stored.SHA256 != w.SHA256 {
		return nil, fmt.Errorf("%w: the store's %s has SHA-256 %s: remove it, and the next run stores it anew",
			storage.ErrCorrupt, stored.Key, stored.SHA256)
	}
	_, err = a.initialState(ctx, spec, &stored)
	return &stored, err
}

// uploadWeights copies the file from its source to the store. Nothing that can't be read gets there.
func (a *Activities) uploadWeights(ctx context.Context, w experiment.Weights) (experiment.Artifact, error) {
	folder := filepath.Join(a.CacheDir, "weights")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return experiment.Artifact{}, fmt.Errorf("make cache folder: %w", err)
	}
	path, err := dataset.Fetch(ctx, w.Source, w.SHA256, folder)
	if errors.Is(err, os.ErrNotExist) {
		return experiment.Artifact{}, badSpecf("encoder.weights.source: %q is not a file on this worker: give a path that exists "+
			"here, or a URL", w.Source)
	}
	if err != nil {
		return experiment.Artifact{}, fmt.Errorf("fetch the initial weights: %w", err)
	}
	defer os.Remove(path)
	data, err := os.ReadFile(path)
	if err != nil {
		return experiment.Artifact{}, fmt.Errorf("read the initial weights: %w", err)
	}
	if _, err := checkpoint.Read(data); err != nil {
		return experiment.Artifact{}, fmt.Errorf("read the initial weights %s: %w", w.Source, err)
	}
	return a.Store.Put(ctx, weightsKey(w.SHA256), data, typeBinary)
}

// initialState is the state before the first epoch: from the seed, or with the weights of a file.
func (a *Activities) initialState(
	ctx context.Context, spec *experiment.Spec, weights *experiment.Artifact,
) (*train.State, error) {
	s, err := train.NewPretrainState(spec)
	if err != nil || weights == nil {
		return s, wrap(err, "initialise the network")
	}
	data, err := a.Store.Get(ctx, *weights)
	if err != nil {
		return nil, err
	}
	tensors, err := checkpoint.Read(data)
	if err != nil {
		return nil, fmt.Errorf("read the initial weights: %w", err)
	}
	unused, err := s.TakeWeights(tensors)
	if err != nil {
		return nil, err
	}
	if len(unused) > 0 {
		logger(ctx).Info("initial weights: not used", "tensors", strings.Join(unused, " "))
	}
	return s, nil
}
