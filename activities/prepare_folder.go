package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/storage"
)

// prepareFolder makes sure that the store has the images of a folder, or of an archive of one, in the spec's size. Every
// experiment and every worker then reads those.
func (a *Activities) prepareFolder(ctx context.Context, spec *experiment.Spec) (experiment.PreparedData, error) {
	d := spec.Dataset
	prepared := experiment.PreparedData{Name: d.Name}
	sum, err := sourceDigest(ctx, d)
	if err != nil {
		return prepared, err
	}
	prepared.SourceSHA256 = sum
	key := preparedKey(d, sum, spec.ImageSize())
	prepared.Archive, err = a.Store.Stat(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		prepared.Archive, err = a.uploadFolder(ctx, spec, sum, key)
	}
	if errors.Is(err, storage.ErrConflict) {
		// Another worker was faster, on a processor that rounds differently: what it made counts.
		prepared.Archive, err = a.Store.Stat(ctx, key)
	}
	prepared.SHA256 = prepared.Archive.SHA256
	return prepared, err
}

// sourceDigest is the digest that the spec names, else that of the folder's list of files.
func sourceDigest(ctx context.Context, d experiment.Dataset) (string, error) {
	if d.SHA256 != "" {
		return d.SHA256, nil
	}
	info, err := os.Stat(d.Source)
	if err != nil {
		return "", badSpecf("dataset.source: %q can't be found on this worker: give a folder that exists here, or an archive of "+
			"it by path or URL: %w", d.Source, err)
	}
	if !info.IsDir() {
		return "", badSpecf("dataset.sha256: missing: %s is a file, and must come with its SHA-256, as sha256sum prints it", d.Source)
	}
	sum, err := dataset.ListDigest(ctx, d.Source)
	return sum, wrap(err, "read "+d.Source)
}

// uploadFolder prepares the images and stores them.
func (a *Activities) uploadFolder(
	ctx context.Context, spec *experiment.Spec, sum, key string,
) (experiment.Artifact, error) {
	if err := os.MkdirAll(a.CacheDir, 0o755); err != nil {
		return experiment.Artifact{}, fmt.Errorf("make cache folder: %w", err)
	}
	folder, err := os.MkdirTemp(a.CacheDir, "prepare-*")
	if err != nil {
		return experiment.Artifact{}, fmt.Errorf("make cache folder: %w", err)
	}
	defer os.RemoveAll(folder)
	source, err := localSource(ctx, spec.Dataset, sum, folder)
	if err != nil {
		return experiment.Artifact{}, err
	}
	logger(ctx).Info("prepare images", "source", spec.Dataset.Source, "size", spec.ImageSize())
	images, list, err := dataset.Prepare(ctx, source, spec.Dataset.Labels, spec.ImageSize())
	if err != nil {
		return experiment.Artifact{}, fmt.Errorf("prepare the images of %s: %w", spec.Dataset.Source, err)
	}
	if source == spec.Dataset.Source && list != sum {
		return experiment.Artifact{}, fmt.Errorf("%w: the images of %s have %s, expected %s: they have changed; correct "+
			"dataset.sha256 if these are meant, or remove it", dataset.ErrDigest, source, list, sum)
	}
	path := filepath.Join(folder, "prepared.npz")
	if err := writeFile(path, images); err != nil {
		return experiment.Artifact{}, fmt.Errorf("write the prepared images: %w", err)
	}
	return a.Store.PutFile(ctx, key, path, typeBinary)
}

// localSource is the folder itself, or a verified copy of the archive.
func localSource(ctx context.Context, d experiment.Dataset, sum, folder string) (string, error) {
	if !strings.Contains(d.Source, "://") {
		info, err := os.Stat(d.Source)
		if err != nil {
			return "", explainFetch(d, d.Source, err)
		}
		if info.IsDir() {
			return d.Source, nil
		}
	}
	path, err := dataset.Fetch(ctx, d.Source, sum, folder)
	if err != nil {
		return "", explainFetch(d, d.Source, err)
	}
	return path, nil
}

func writeFile(path string, images *dataset.Prepared) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return images.Write(f)
}
