package main

import (
	"context"
	"fmt"
	"time"

	"twinview/augment"
	"twinview/dataset"
)

// augmentProbe draws views on one goroutine, as the loader does it.
type augmentProbe struct {
	images    dataset.Images
	transform *augment.Transform
	view      []float32
	epoch     int
	took      samples
}

func newAugmentProbe(s sizes) (*augmentProbe, error) {
	spec := s.spec(1)
	transform, err := augment.New(spec.Augment.FirstView, s.Size)
	if err != nil {
		return nil, fmt.Errorf("make SimCLR's views: %w", err)
	}
	a := &augmentProbe{
		images: dataset.DrawSynthetic(1, 10*s.Views, 0).Train, transform: transform,
		view: make([]float32, s.Size*s.Size*3),
	}
	a.draw()
	return a, nil
}

func (a *augmentProbe) sample(context.Context) error {
	start := time.Now()
	a.draw()
	a.took.add(time.Since(start).Seconds())
	return nil
}

// draw makes a view of each image, in another epoch each time.
func (a *augmentProbe) draw() {
	for i := range a.images.Len() {
		random := dataset.Stream(1, dataset.PretrainView, a.epoch, i, 0)
		a.transform.Apply(a.view, a.images.Image(i), a.images.Height, a.images.Width, random)
	}
	a.epoch++
}

func (a *augmentProbe) records() ([]record, error) {
	return []record{a.took.rate("augment", "views/s per core", a.images.Len())}, nil
}

func (a *augmentProbe) close() error { return nil }
