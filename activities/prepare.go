package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/storage"
)

// PrepareData puts the data set and the encoder's initial weights, if the spec names any, into the object store, verified, and
// checks that they fit the spec. It claims the
// experiment's folder by writing spec.yaml into it, last, so that a spec which doesn't fit claims nothing.
func (a *Activities) PrepareData(ctx context.Context, in experiment.PrepareDataInput) (experiment.PreparedData, error) {
	first := experiment.Heartbeat{Stage: experiment.StagePrepare}
	return attempt(ctx, a, first, func(ctx context.Context, _ *pulse) (experiment.PreparedData, error) {
		spec := &in.Spec
		if err := a.unfinished(ctx, spec.Name); err != nil {
			return experiment.PreparedData{}, err
		}
		prepared, images, err := a.prepare(ctx, spec)
		if err != nil {
			return prepared, err
		}
		split, err := images.Split(spec.Seed, spec.Dataset)
		if err != nil {
			return prepared, badSpec{err}
		}
		describeSplits(&prepared, spec, images.Classes, split)
		prepared.ArtifactsURL = a.ArtifactsURL
		if err := checkSizes(spec, prepared); err != nil {
			return prepared, err
		}
		if prepared.Weights, err = a.prepareWeights(ctx, spec); err != nil {
			return prepared, err
		}
		return prepared, a.claim(ctx, spec)
	})
}

// describeSplits adds what is known of the splits.
func describeSplits(p *experiment.PreparedData, spec *experiment.Spec, classes []string, split dataset.Split) {
	p.Classes = classes
	p.Train, p.Validation, p.Test = split.Train.Len(), split.Validation.Len(), split.Test.Len()
	p.MostFrequent = split.Test.MostFrequent(len(classes))
	if spec.MeasuresStatistics() {
		p.Normalize = new(split.Train.Statistics())
	}
}

// unfinished refuses a name under which an experiment has ended: its report would be overwritten.
func (a *Activities) unfinished(ctx context.Context, name string) error {
	report := key(name, fileMetrics)
	_, err := a.Store.Stat(ctx, report)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: the store already has the finished experiment %q (%s): choose another name",
		storage.ErrConflict, name, report)
}

// claim writes the spec into the experiment's folder. Another spec in it means that the name is taken.
func (a *Activities) claim(ctx context.Context, spec *experiment.Spec) error {
	data, err := spec.YAML()
	if err != nil {
		return fmt.Errorf("write spec: %w", err)
	}
	_, err = a.Store.Put(ctx, key(spec.Name, fileSpec), data, typeYAML)
	if errors.Is(err, storage.ErrConflict) {
		return fmt.Errorf("%w: an experiment %q with another spec has been begun: choose another name", err, spec.Name)
	}
	return err
}

// prepare makes sure that the store has the data set, and decodes it.
func (a *Activities) prepare(ctx context.Context, spec *experiment.Spec) (experiment.PreparedData, *dataset.Data, error) {
	prepared := experiment.PreparedData{Name: spec.Dataset.Name}
	if spec.Dataset.Name == experiment.Synthetic {
		drawn := dataset.Synthetic(spec)
		prepared.SHA256 = drawn.Digest()
		return prepared, drawn, nil
	}
	if spec.Dataset.Name == experiment.ImageFolder {
		prepared, err := a.prepareFolder(ctx, spec)
		if err != nil {
			return prepared, nil, err
		}
		images, err := a.images(ctx, spec, prepared)
		return prepared, images, err
	}
	source, sha256, err := dataset.Locate(spec.Dataset)
	if errors.Is(err, dataset.ErrDigest) {
		return prepared, nil, err
	}
	if err != nil {
		return prepared, nil, badSpec{err}
	}
	prepared.SHA256 = sha256
	prepared.Archive, err = a.Store.Stat(ctx, archiveKey(prepared.Name, sha256))
	if errors.Is(err, storage.ErrNotFound) {
		prepared.Archive, err = a.upload(ctx, spec.Dataset, source, sha256)
	}
	if err != nil {
		return prepared, nil, err
	}
	if prepared.Archive.SHA256 != sha256 {
		return prepared, nil, fmt.Errorf("%w: the store's %s has SHA-256 %s: remove it, and the next run stores it anew",
			storage.ErrCorrupt, prepared.Archive.Key, prepared.Archive.SHA256)
	}
	images, err := a.images(ctx, spec, prepared)
	return prepared, images, err
}

// upload copies the archive from its source to the store. Nothing malformed gets there.
func (a *Activities) upload(
	ctx context.Context, d experiment.Dataset, source, sha256 string,
) (experiment.Artifact, error) {
	folder := a.cacheFolder(sha256)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return experiment.Artifact{}, fmt.Errorf("make cache folder: %w", err)
	}
	fetched, err := dataset.Fetch(ctx, source, sha256, folder)
	if err != nil {
		return experiment.Artifact{}, explainFetch(d, source, err)
	}
	if _, err := dataset.ReadFile(fetched, d); err != nil {
		return experiment.Artifact{}, err
	}
	key := archiveKey(d.Name, sha256)
	cached := filepath.Join(folder, path.Base(key))
	if err := os.Rename(fetched, cached); err != nil {
		return experiment.Artifact{}, fmt.Errorf("move data set into the cache: %w", err)
	}
	return a.Store.PutFile(ctx, key, cached, typeGzip)
}

// explainFetch says what to do when a data set can't be had. Without a file and without a network no retry helps.
func explainFetch(d experiment.Dataset, source string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return badSpecf("dataset.source: %q is not a file on this worker: give a path that exists here, or a URL", source)
	}
	if d.Source == "" && errors.Is(err, dataset.ErrUnreachable) {
		chain := dataset.ChainOf(d.Name)
		return badSpecf("there is neither a file nor a network to take %s from (%w): put the archive at %s, or set %s or "+
			"dataset.source, or set dataset.name: synthetic to train on images drawn by code", chain.Title, err, chain.Local,
			chain.Variable)
	}
	// Tried again a few times as an unexpected error: a server may come back, a mistyped address won't.
	return fmt.Errorf("fetch data set: %w", err)
}

// checkSizes refuses batches, neighbours and labels that the training split can't fill, naming the field.
func checkSizes(spec *experiment.Spec, d experiment.PreparedData) error {
	for _, check := range []struct {
		field         string
		epochs, value int
	}{
		{"pretrain.batch_size", spec.Pretrain.Epochs, spec.Pretrain.BatchSize},
		{"linear.batch_size", spec.Linear.Epochs, spec.Linear.BatchSize},
		{"finetune.batch_size", spec.Finetune.Epochs, spec.Finetune.BatchSize},
	} {
		if check.epochs > 0 && check.value > d.Train {
			return badSpecf("%s: %d is more than the %d images of the training split: lower it or raise dataset.train_images",
				check.field, check.value, d.Train)
		}
	}
	if spec.KNN.K >= d.Train {
		return badSpecf("knn.k: %d is more than the %d neighbours that each training image has: lower it or raise "+
			"dataset.train_images", spec.KNN.K, d.Train-1)
	}
	if d.Validation == 0 && spec.Dataset.Labelled() {
		return badSpecf("dataset.validation_images: the validation split is empty, and every choice is made on it: " +
			"set at least one image a class")
	}
	for _, arm := range spec.Ablation.Arms() {
		if labels := arm.Labels(d.Train); labels < len(d.Classes) {
			return badSpecf("ablation.label_fractions: %v of %d training images is %d: it must be at least one image of each of the "+
				"%d classes", arm.Fraction, d.Train, labels, len(d.Classes))
		}
	}
	return nil
}
