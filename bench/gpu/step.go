//go:build gpu

package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"twinview/augment"
	"twinview/engine/cuda/kernels"
	"twinview/experiment"
	"twinview/model"
)

// optimizers measures the rules on the network's parameters.
func (r *roofline) optimizers(ctx context.Context, s sizes) error {
	spec := experiment.Default()
	spec.Encoder.Width = s.width
	spec.Method.Projector.Hidden, spec.Method.Projector.Output = s.hidden, s.output
	n, err := model.NewPretraining(spec.Encoder, spec.Method, model.Options{Batch: 4, Size: 8})
	if err != nil {
		return fmt.Errorf("build the network whose parameters are moved: %w", err)
	}
	m := &memory{device: r.device}
	defer m.free()
	var table []kernels.Parameter
	total := 0
	for _, p := range n.Parameters {
		length := p.Value.Shape().TotalSize()
		total += length
		table = append(table, kernels.Parameter{
			Value: uint64(m.normal(4, length).Address), Grad: uint64(m.normal(4, length).Address),
			First: uint64(numbers(m, make([]float32, length)...).Address), Second: uint64(numbers(m, make([]float32, length)...).Address),
			Length: int64(length),
		})
	}
	chunks := kernels.Chunks(table)
	launch := kernels.Optimizer(len(chunks))
	parameters, blocks, broken := numbers(m, table...), numbers(m, chunks...), numbers(m, int32(0))
	step, norms := numbers(m, kernels.OptimizerStep{Rate: 1e-9, Number: 1}), m.empty(16*len(chunks))
	if m.err != nil {
		return m.err
	}
	const decay, momentum = 1e-6, 0.9
	of, array := fmt.Sprintf("%d parameters", total), float64(4*total)
	return r.each(ctx, []launched{
		{of: of, kernel: "sgd", launch: launch, count: 1, bytes: 5 * array, arguments: []any{parameters.Address, blocks.Address,
			step.Address, decay, momentum, int32(0), broken.Address}},
		{of: of, kernel: "lars_norms", launch: launch, count: 1, bytes: 2 * array, arguments: []any{parameters.Address,
			blocks.Address, decay, norms.Address}},
		{of: of, kernel: "lars", launch: launch, count: 1, bytes: 5 * array, arguments: []any{parameters.Address, blocks.Address,
			step.Address, decay, momentum, int32(0), 1e-3, 1.0, norms.Address, broken.Address}},
		{of: of, kernel: "adamw", launch: launch, count: 1, bytes: 7 * array, arguments: []any{parameters.Address, blocks.Address,
			step.Address, decay, 0.9, 0.999, 1e-8, broken.Address}},
	})
}

// views measures the augmentation of a batch, with what SimCLR draws, and with what Barlow Twins draws.
func (r *roofline) views(ctx context.Context, s sizes) error {
	for _, method := range []string{experiment.SimCLR, experiment.BarlowTwins} {
		view := experiment.DefaultFor(method).Augment.FirstView
		if err := r.augmentation(ctx, s, method, view); err != nil {
			return fmt.Errorf("augmentation of %s: %w", method, err)
		}
	}
	return nil
}

// augmentation measures the views of one distribution, half of a batch: a step launches it twice. The engine makes them in float32, of
// three channels; those in bfloat16 of four are what a convolution could read at once.
func (r *roofline) augmentation(ctx context.Context, s sizes, method string, view experiment.View) error {
	transform, err := augment.New(view, s.size)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	m := &memory{device: r.device}
	defer m.free()
	pixels := make([]byte, s.images*s.size*s.size*3)
	for i := range pixels {
		pixels[i] = byte(random.Uint32())
	}
	table := make([]kernels.View, s.views/2)
	for i := range table {
		table[i] = kernels.NewView(random.IntN(s.images), transform.Draw(s.size, s.size, random))
	}
	images, views := numbers(m, pixels...), numbers(m, table...)
	factors := numbers(m, kernels.NewNormalize(view.Normalize.Mean, view.Normalize.Std))
	launch, err := kernels.Augment(len(table), s.size, s.size, s.size, view.Blur.Kernel)
	if err != nil {
		return err
	}
	n := len(table) * s.size * s.size
	var all []launched
	for _, e := range []struct {
		name                  string
		size, channels, count int
	}{{"float32", 4, 3, 2}, {"bfloat16", 2, 4, 0}} {
		made := m.empty(n * e.channels * e.size)
		all = append(all, launched{
			of: fmt.Sprintf("%d views of %s", len(table), method), kernel: "augment_" + e.name, launch: launch, count: e.count,
			bytes: float64(n*3 + made.Bytes),
			arguments: []any{views.Address, images.Address, int32(s.size), int32(s.size), int32(s.size), int32(view.Blur.Kernel),
				float32(view.Solarize.Threshold), factors.Address, int32(e.channels), made.Address},
		})
	}
	if m.err != nil {
		return m.err
	}
	return r.each(ctx, all)
}
