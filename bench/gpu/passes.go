//go:build gpu

package main

import (
	"context"
	"fmt"
	"slices"

	"twinview/bench/gpu/result"
	"twinview/engine/cuda/kernels"
)

// passes measures what goes over the activations of each stage.
func (r *roofline) passes(ctx context.Context, s sizes) error {
	for _, stage := range s.stages() {
		for _, e := range []struct {
			name string
			size int
		}{{"bfloat16", 2}, {"float32", 4}} {
			if err := r.stage(ctx, s, stage, e.name, e.size); err != nil {
				return fmt.Errorf("passes over %v in %s: %w", stage, e.name, err)
			}
		}
	}
	if err := r.stage(ctx, s, s.head(), "float32", 4); err != nil {
		return fmt.Errorf("passes over the %s: %w", result.ProjectionHead, err)
	}
	return nil
}

func (r *roofline) stage(ctx context.Context, s sizes, of stage, e string, elementSize int) error {
	m := &memory{device: r.device}
	defer m.free()
	rows, channels := s.views*of.size*of.size, of.channels
	n := rows * channels
	x, y, dy, out := m.normal(elementSize, n), m.normal(elementSize, n), m.normal(elementSize, n), m.empty(n*elementSize)
	weight, bias, stats := m.normal(4, channels), m.normal(4, channels), numbers(m, statistics(channels)...)
	scratch, grad := m.empty(kernels.BatchNormScratch(rows, channels, elementSize)), m.normal(4, 2*channels)
	if m.err != nil {
		return m.err
	}
	const epsilon = float32(1e-5)
	none := address(0)
	sums, apply, total := kernels.BatchNormSums(rows, channels, elementSize), kernels.BatchNormApply(rows, channels, elementSize),
		kernels.BatchNormTotal(channels)
	size, parts := []any{int64(rows), int64(channels)}, int64(sums.Parts())
	// pass is a kernel that reads and writes so many activations.
	pass := func(kernel string, launch kernels.Launch, count int, activations float64, note string, arguments ...any) launched {
		return launched{of: of.String(), kernel: kernel, launch: launch, count: count, bytes: activations * float64(n*elementSize),
			arguments: arguments, note: note}
	}
	with := func(more ...any) []any { return append(append([]any{}, size...), more...) }
	plain := kernels.Elementwise(n)
	relus := of.norms - of.blocks
	alone := of.norms // whose statistics no convolution gathers
	if elementSize == 2 {
		alone = 0
	}
	partial := float64(2*8*channels) * float64(parts) / float64(n*elementSize)
	all := []launched{
		pass("relu_"+e, plain, 0, 2, "", int64(n), x.Address, out.Address),
		pass("relu_grad_"+e, plain, 0, 3, "", int64(n), y.Address, dy.Address, out.Address),
		pass("add_"+e, plain, 0, 3, "", int64(n), x.Address, y.Address, out.Address),
		pass("scale_"+e, plain, 0, 2, "", int64(n), float32(0.5), x.Address, out.Address),
		pass("batch_stats_"+e, sums, alone, 1, "", with(x.Address, scratch.Address)...),
		pass("batch_stats_total_"+e, total, alone, partial, "",
			with(parts, x.Address, scratch.Address, stats.Address, none, none)...),
		pass("batch_norm_"+e, apply, relus, 2, "and ReLU",
			with(epsilon, x.Address, stats.Address, weight.Address, bias.Address, none, int32(1), out.Address)...),
		pass("batch_norm_"+e, apply, of.blocks, 3, "addition and ReLU",
			with(epsilon, x.Address, stats.Address, weight.Address, bias.Address, y.Address, int32(1), out.Address)...),
		pass("batch_norm_affine_grad_"+e, sums, relus, 2, "through the ReLU",
			with(epsilon, x.Address, stats.Address, weight.Address, bias.Address, dy.Address, scratch.Address)...),
		pass("relu_batch_norm_affine_grad_"+e, sums, of.blocks, 4, "",
			with(x.Address, stats.Address, y.Address, dy.Address, out.Address, scratch.Address)...),
		pass("batch_norm_input_grad_"+e, apply, of.norms, 3, "",
			with(epsilon, x.Address, stats.Address, weight.Address, bias.Address, dy.Address, grad.Address, out.Address)...),
	}
	if elementSize == 2 { // they are the same for both
		const tile = 128
		tiles := (rows + tile - 1) / tile
		gathered := numbers(m, make([]float32, tiles*2*channels)...)
		if m.err != nil {
			return m.err
		}
		all = append(all, pass("batch_stats_of_tiles", kernels.BatchStatsOfTiles(channels), of.norms,
			float64(gathered.Bytes)/float64(n*elementSize), fmt.Sprintf("of %d rows", tile), with(int64(tile), gathered.Address, stats.Address)...))
	}
	if elementSize == 2 || of.head { // they take what the kernels before left, which is the same for both
		all = append(all, pass("batch_norm_affine_grad_total", total, of.norms, partial, "",
			int64(channels), parts, epsilon, stats.Address, scratch.Address, grad.Address))
		// The gradients of weight and bias come as one.
		all = append(all, launched{of: of.String(), kernel: "scale_float32", launch: kernels.Elementwise(channels), count: 2 * of.norms,
			bytes: float64(8 * channels), note: "half of a batch norm's gradients",
			arguments: []any{int64(channels), float32(1), grad.Address, bias.Address}})
	}
	if of.head { // the rest is for activations
		all = slices.DeleteFunc(all, func(l launched) bool { return l.count == 0 })
	}
	return r.each(ctx, all)
}

// statistics are those of normal numbers: mean 0, then variance 1.
func statistics(channels int) []float32 {
	values := make([]float32, 2*channels)
	for i := range channels {
		values[channels+i] = 1
	}
	return values
}
