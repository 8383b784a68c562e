//go:build gpu

package main

import (
	"fmt"
	"os"

	"twinview/dataset"
	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/experiment"
)

// experiment is the spec, in the small where that was asked for.
func (o *options) experiment() (*experiment.Spec, error) {
	text, err := os.ReadFile(o.spec)
	if err != nil {
		return nil, fmt.Errorf("read the spec: %w", err)
	}
	spec, err := experiment.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the spec %s: %w", o.spec, err)
	}
	if o.quick {
		spec.Dataset.ValidationImages = 40
		spec.Encoder.Width = 8
		spec.Augment.Size = 16
		spec.Pretrain.BatchSize = 8
		spec.Method.Projector.Hidden, spec.Method.Projector.Output = 16, 8
		spec.KNN.K = 5
	}
	return &spec, nil
}

// data is CIFAR-10, or synthetic images where there is no archive. Of the training images there are whole batches.
func (o *options) data(spec *experiment.Spec) (split dataset.Split, classes int, err error) {
	drawn := *spec
	drawn.Dataset = experiment.Dataset{
		Name: experiment.Synthetic, TrainImages: 45000, ValidationImages: 5000, TestImages: 10,
	}
	if o.quick {
		drawn.Dataset.TrainImages, drawn.Dataset.ValidationImages = 32, 20
	}
	set := spec.Dataset
	data := (*dataset.Data)(nil)
	if o.archive == "" {
		set, data = drawn.Dataset, dataset.Synthetic(&drawn)
	} else if data, err = dataset.ReadFile(o.archive, spec.Dataset); err != nil {
		return split, 0, fmt.Errorf("read the images: %w", err)
	}
	if split, err = data.Split(spec.Seed, set); err != nil {
		return split, 0, fmt.Errorf("split the images: %w", err)
	}
	if o.quick {
		split.Train, split.Validation = split.Train.Head(32), split.Validation.Head(20)
	}
	return split, len(data.Classes), nil
}

// number is a way to compute.
type number struct {
	name string
	cuda.Options
}

var (
	float32s  = number{"float32", cuda.Options{Precision: cuda.Float32}}
	tf32      = number{"tf32", cuda.Options{Precision: cuda.Float32, TF32: true}}
	bfloat16s = number{"bfloat16", cuda.Options{Precision: cuda.BFloat16}}
	// measured chooses the convolutions' kernels as compute.kernels: measured does.
	measured = number{"bfloat16", cuda.Options{Precision: cuda.BFloat16, Measure: true}}
)

func (o *options) compiler(n number) engine.Compiler {
	n.Device = o.device
	return cuda.Compiler(n.Options)
}
