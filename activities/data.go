package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/storage"
)

// splits holds the data that this worker used last, decoded and split.
type splits struct {
	mu    sync.Mutex
	key   splitKey
	split dataset.Split
}

// splitKey is all that a split depends on.
type splitKey struct {
	sha256  string
	seed    uint64
	dataset experiment.Dataset
}

// split returns the prepared data, from memory, from the local copy or from the store. The images are shared: nobody may
// change them.
func (a *Activities) split(ctx context.Context, spec *experiment.Spec, data experiment.PreparedData) (dataset.Split, error) {
	a.data.mu.Lock()
	defer a.data.mu.Unlock()
	key := splitKey{data.SHA256, spec.Seed, spec.Dataset}
	if a.data.key == key {
		return a.data.split, nil
	}
	images, err := a.images(ctx, spec, data)
	if err != nil {
		return dataset.Split{}, err
	}
	split, err := images.Split(spec.Seed, spec.Dataset)
	if err != nil {
		return dataset.Split{}, badSpec{err}
	}
	a.data.key, a.data.split = key, split
	return split, nil
}

// images decodes the prepared data set, or draws it anew where code drew it before.
func (a *Activities) images(ctx context.Context, spec *experiment.Spec, data experiment.PreparedData) (*dataset.Data, error) {
	if data.Name == experiment.Synthetic {
		drawn := dataset.Synthetic(spec)
		if sum := drawn.Digest(); sum != data.SHA256 {
			return nil, fmt.Errorf("%w: this worker draws the synthetic set with digest %.12s, but the experiment was prepared "+
				"with %.12s: use workers of one version on one processor architecture", storage.ErrCorrupt, sum, data.SHA256)
		}
		return drawn, nil
	}
	path, err := a.cached(ctx, data.Archive)
	if err != nil {
		return nil, err
	}
	return dataset.ReadFile(path, spec.Dataset)
}

// cacheFolder is where the local copy of an archive lies.
func (a *Activities) cacheFolder(sha256 string) string {
	return filepath.Join(a.CacheDir, "datasets", sha256)
}

// cached returns the path of the local copy of an archive in the store, verified. A copy that is missing or damaged is
// fetched.
func (a *Activities) cached(ctx context.Context, archive experiment.Artifact) (string, error) {
	copied := filepath.Join(a.cacheFolder(archive.SHA256), path.Base(archive.Key))
	sum, err := dataset.Digest(copied)
	if err == nil && sum == archive.SHA256 {
		return copied, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("verify %s: %w", copied, err)
	}
	if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
		return "", fmt.Errorf("make cache folder: %w", err)
	}
	logger(ctx).Info("fetch data set", "key", archive.Key, "to", copied)
	if err := a.Store.GetFile(ctx, archive, copied); err != nil {
		return "", err
	}
	return copied, nil
}
