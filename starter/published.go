package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/experiment"
	"twinview/layout"
	"twinview/report"
	"twinview/storage"
)

// published is what a finished experiment has left for use: in the object store, or in a folder that get has filled.
type published struct {
	spec experiment.Spec
	// result is as far as metrics.json tells. The classes of its data are empty where the images had no labels.
	result experiment.Result
	// read returns a file's content, verified where there is something to verify it by.
	read func(ctx context.Context, name string) ([]byte, error)
}

// openPublished finds an experiment by its name in the store, or where a folder is named, there.
func openPublished(ctx context.Context, name, folder string) (*published, error) {
	if folder != "" {
		return readPublished(ctx, inFolder(folder))
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	store, err := openStore(ctx)
	if err != nil {
		return nil, err
	}
	return readPublished(ctx, inStore(store, name))
}

func readPublished(ctx context.Context, read func(ctx context.Context, name string) ([]byte, error)) (*published, error) {
	p := &published{read: read}
	metrics, err := p.read(ctx, fileMetrics)
	if isMissing(err) {
		return nil, notFoundError{fmt.Errorf("there is no %s, the last file of an experiment: is it finished? `starter list` tells: %w",
			fileMetrics, err)}
	}
	if err != nil {
		return nil, err
	}
	if p.result, err = report.ReadMetrics(metrics); err != nil {
		return nil, err
	}
	spec, err := p.read(ctx, fileSpec)
	if err != nil {
		return nil, err
	}
	if p.spec, err = experiment.Parse(spec); err != nil {
		return nil, fmt.Errorf("%s: %w", fileSpec, err)
	}
	return p, nil
}

// isMissing says whether a file of a published experiment is not there, in the store or in the folder.
func isMissing(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, os.ErrNotExist)
}

func inFolder(folder string) func(context.Context, string) ([]byte, error) {
	return func(_ context.Context, name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
	}
}

// inStore keeps what it fetches, by digest, so that asking a model again takes no download.
func inStore(store *storage.Store, name string) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, file string) ([]byte, error) {
		a, err := store.Stat(ctx, layout.Key(name, file))
		if err != nil {
			return nil, err
		}
		if file == fileMetrics || file == fileSpec {
			if err := layout.CheckSize(a); err != nil {
				return nil, err
			}
		}
		kept, err := keep(ctx, store, a)
		if err != nil {
			return nil, err
		}
		return os.ReadFile(kept)
	}
}

// keep returns the path of an object in the user's cache folder, verified, and fetches it where it is missing or damaged.
func keep(ctx context.Context, store *storage.Store, a experiment.Artifact) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	kept := filepath.Join(cache, "twinview", "objects", a.SHA256)
	if sum, err := dataset.Digest(kept); err == nil && sum == a.SHA256 {
		return kept, nil
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	return kept, store.GetFile(ctx, a, kept)
}

// tensors reads a model or other tensors of the experiment.
func (p *published) tensors(ctx context.Context, name string) ([]checkpoint.Tensor, error) {
	data, err := p.read(ctx, name)
	if err != nil {
		return nil, err
	}
	tensors, err := checkpoint.Read(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return tensors, nil
}

// pictures reads images from files in the size in which the experiment evaluates its own. All that are none are named at once.
func (p *published) pictures(paths []string) (dataset.Images, error) {
	images := dataset.Images{Height: p.spec.ImageSize(), Width: p.spec.ImageSize()}
	var failures []error
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		pixels, err := dataset.ReadPicture(data, images.Height)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s %w", path, err))
			continue
		}
		images.Pixels, images.Labels = append(images.Pixels, pixels...), append(images.Labels, 0)
	}
	return images, errors.Join(failures...)
}

// class names a label; without labels there is nothing to name.
func (p *published) class(label int) string {
	switch classes := p.result.Data.Classes; {
	case len(classes) == 0:
		return ""
	case label < len(classes):
		return classes[label]
	}
	return fmt.Sprint(label)
}

// ranked are the indices of the n greatest values, greatest first.
func ranked(values []float64, n int) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	return order[:min(n, len(order))]
}
