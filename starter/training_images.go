package main

import (
	"context"
	"errors"
	"fmt"
	"path"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/layout"
	"twinview/storage"
)

// trainingImages are those of the experiment's training split, in its order.
func (p *published) trainingImages(ctx context.Context) (dataset.Images, error) {
	all, err := p.data(ctx)
	if err != nil {
		return dataset.Images{}, fmt.Errorf("get the training images: %w", err)
	}
	split, err := all.Split(p.spec.Seed, p.spec.Dataset)
	return split.Train, err
}

// data is the experiment's data set. It is fetched once, verified, and kept in the cache; where code drew it, it is drawn anew.
func (p *published) data(ctx context.Context) (*dataset.Data, error) {
	if p.result.Data.Name == experiment.Synthetic {
		drawn := dataset.Synthetic(&p.spec)
		if sum := drawn.Digest(); sum != p.result.Data.SHA256 {
			return nil, fmt.Errorf("%w: synthetic images are drawn with digest %.12s here, but the experiment had %.12s: "+
				"use its version, on its processor architecture", storage.ErrCorrupt, sum, p.result.Data.SHA256)
		}
		return drawn, nil
	}
	store, err := openStore(ctx)
	if err != nil {
		return nil, err
	}
	archive, err := p.archive(ctx, store)
	if err != nil {
		return nil, err
	}
	kept, err := keep(ctx, store, archive)
	if err != nil {
		return nil, err
	}
	return dataset.ReadFile(kept, p.spec.Dataset)
}

// archive is the object that has the images. Of experiments of older versions metrics.json names only its digest, which is enough
// to find an official archive.
func (p *published) archive(ctx context.Context, store *storage.Store) (experiment.Artifact, error) {
	d := p.result.Data
	if d.Archive.Key != "" {
		return d.Archive, nil
	}
	if d.Name == experiment.ImageFolder {
		return d.Archive, notFoundError{errors.New("metrics.json does not say which object has them: " +
			"the experiment is of an older version; without --picture its neighbours are listed all the same")}
	}
	found, err := store.Stat(ctx, layout.ArchiveKey(d.Name, d.SHA256, path.Base(dataset.ChainOf(d.Name).Official)))
	if err == nil && found.SHA256 != d.SHA256 {
		err = fmt.Errorf("%w: %s has SHA-256 %s", storage.ErrCorrupt, found.Key, found.SHA256)
	}
	return found, err
}
