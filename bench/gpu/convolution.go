//go:build gpu

package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"twinview/bench/gpu/result"
	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/gpu"
)

// convolutions measures every kernel of every convolution, and compares what they compute with each other.
func (r *roofline) convolutions(ctx context.Context, s sizes) error {
	for _, l := range s.layers() {
		for _, n := range []kernels.Number{kernels.BFloat16, kernels.TF32, kernels.Float32} {
			for d := kernels.Forward; d <= kernels.WeightGradient; d++ {
				if d == kernels.InputGradient && l.in != l.In {
					continue // nobody needs the gradient of images
				}
				if err := r.convolution(ctx, l, d, n); err != nil {
					return fmt.Errorf("%v of the convolution %v in %s: %w", d, l, n, err)
				}
			}
			if err := r.direct(ctx, l, n); err != nil {
				return fmt.Errorf("the plain convolution %v in %s: %w", l, n, err)
			}
			if err := r.around(ctx, l, n); err != nil {
				return fmt.Errorf("around the convolution %v in %s: %w", l, n, err)
			}
		}
	}
	return nil
}

// tensors are a convolution's, on the device.
type tensors struct {
	memory
	layer
	elementSize    int
	x, filters, dy *gpu.Buffer
}

func (r *roofline) tensors(l layer, n kernels.Number) *tensors {
	t := &tensors{memory: memory{device: r.device}, layer: l, elementSize: 4}
	if n == kernels.BFloat16 {
		t.elementSize = 2
	}
	x, filters, y := l.Sizes()
	t.x, t.filters, t.dy = t.normal(t.elementSize, x), t.normal(t.elementSize, filters), t.normal(t.elementSize, y)
	return t
}

func (r *roofline) convolution(ctx context.Context, l layer, d kernels.Direction, n kernels.Number) error {
	t := r.tensors(l, n)
	defer t.free()
	var figures []result.Figure
	var first []float32
	for i, g := range l.ImplicitGEMMs(d, n) {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, values, err := r.tile(t, g)
		if err != nil {
			return fmt.Errorf("%s: %w", g.Kernel, err)
		}
		f.Chosen = i == 0
		figures = append(figures, f)
		if first == nil {
			first = values
		}
		// Sums are in float32 in all of them, in an order of each one's own, and bfloat16 is rounded once.
		if off := distance(first, values); !(off < 1e-2) {
			return fmt.Errorf("%s computes something else than %s: they are %.2g apart", g.Kernel, figures[0].Kernel, off)
		}
	}
	ranked := make([]int, len(figures))
	for i := range ranked {
		ranked[i] = i
	}
	slices.SortFunc(ranked, func(a, b int) int { return cmp.Compare(figures[a].Value, figures[b].Value) })
	for rank, i := range ranked {
		figures[i].Rank = rank + 1
	}
	return r.write(figures...)
}

// tile measures one kernel, a weight gradient with the sum of its slices, and returns some of what it computes.
func (r *roofline) tile(t *tensors, g kernels.ImplicitGEMM) (result.Figure, []float32, error) {
	x, filters, y := t.Sizes()
	slices := g.Slices(t.Convolution)
	a, b, out, outSize := t.x, t.filters, y, t.elementSize
	switch g.Direction {
	case kernels.InputGradient:
		a, out = t.dy, x
	case kernels.WeightGradient:
		a, b, out, outSize = t.dy, t.x, slices*filters, 4
	}
	kept := len(t.owned)
	made, parameters := t.empty(out*outSize), t.empty(kernels.ParameterBytes)
	sum := t.empty(t.Out * t.in * t.Kernel * t.Kernel * 4)
	var statistics *gpu.Buffer
	if g.Gathers() { // as it does in training
		tiles, _ := g.Statistics(t.Convolution)
		statistics = t.empty(tiles * 2 * t.Out * 4)
	}
	defer func() { // what the other kernels of this convolution don't read
		rest := memory{owned: t.owned[kept:]}
		t.owned = t.owned[:kept]
		rest.free()
	}()
	if t.err != nil {
		return result.Figure{}, nil, t.err
	}
	if err := r.parameters(t, g, a, b, made, statistics, parameters); err != nil {
		return result.Figure{}, nil, err
	}
	values := make([]byte, kernels.ParameterBytes)
	if err := parameters.Read(values, 0); err != nil {
		return result.Figure{}, nil, err
	}
	work := []launched{{
		of: t.String(), kernel: g.Kernel, direction: g.Direction.String(), launch: g.Launch(t.Convolution), arguments: []any{values},
		count: t.count, bytes: float64(a.Bytes + b.Bytes + made.Bytes), operations: t.operations(), number: string(g.Number),
	}}
	read, readSize := made, outSize
	if g.Direction == kernels.WeightGradient {
		work[0].note = fmt.Sprintf("with the sum of %d slices", slices)
		work = append(work, t.weightSum(slices, made, sum))
		read, readSize = sum, 4
	}
	f, err := r.time(work...)
	if err != nil {
		return result.Figure{}, nil, err
	}
	some, err := ends(read, readSize)
	if err == nil && math.IsNaN(distance(some, some)) {
		err = fmt.Errorf("what it computes is not a number")
	}
	return f, some, err
}

func (t *tensors) weightSum(parts int, partials, sum *gpu.Buffer) launched {
	_, filters, _ := t.Sizes()
	return launched{
		of: t.String(), kernel: "convolution_weight_sum", launch: t.Filters(), count: t.count,
		arguments: []any{
			int64(parts), int64(t.Out), int64(t.in), int64(t.In), int64(t.Kernel * t.Kernel), partials.Address, sum.Address,
		},
		bytes: float64((parts + 1) * filters * 4),
	}
}

func (r *roofline) parameters(t *tensors, g kernels.ImplicitGEMM, a, b, made, statistics, parameters *gpu.Buffer) error {
	gathered := gpu.Address(0)
	if statistics != nil {
		gathered = statistics.Address
	}
	var arguments []any
	for _, n := range t.Arguments() {
		arguments = append(arguments, n)
	}
	arguments = append(arguments, int64(g.Slices(t.Convolution)), a.Address, b.Address, gpu.Address(0), made.Address,
		gathered, parameters.Address)
	kernel := g.Kernel + "_parameters"
	r.measured[kernel] = true // once for a training
	return r.device.Launch(kernel, kernels.ParametersLaunch(), arguments...)
}

// direct measures the kernels for sizes that no other takes, on one layer.
func (r *roofline) direct(ctx context.Context, l layer, n kernels.Number) error {
	if n == kernels.TF32 || l.Kernel != 3 || l.Stride != 2 {
		return nil
	}
	t := r.tensors(l, n)
	defer t.free()
	_, filters, _ := l.Sizes()
	var all []launched
	for d := kernels.Forward; d <= kernels.WeightGradient; d++ {
		kernel, launch := l.Direct(d, n.Elements())
		made := []any{t.x.Address, t.filters.Address, t.dy.Address}
		switch d {
		case kernels.InputGradient:
			made = []any{t.filters.Address, t.dy.Address, address(0), t.x.Address}
		case kernels.WeightGradient:
			made = []any{t.x.Address, t.dy.Address, t.empty(launch.Parts() * filters * 4).Address}
		}
		var arguments []any
		for _, size := range l.Arguments() {
			arguments = append(arguments, size)
		}
		all = append(all, launched{of: l.String(), kernel: kernel, direction: d.String(), launch: launch,
			arguments: append(arguments, made...), operations: l.operations(), number: "float32",
			bytes: float64(t.x.Bytes + t.filters.Bytes + t.dy.Bytes)})
	}
	if t.err != nil {
		return t.err
	}
	return r.each(ctx, all)
}

// around measures what prepares a convolution's tensors.
func (r *roofline) around(ctx context.Context, l layer, n kernels.Number) error {
	if n == kernels.TF32 {
		return nil // as for float32
	}
	m := &memory{device: r.device}
	defer m.free()
	elementSize := 4
	if n == kernels.BFloat16 {
		elementSize = 2
	}
	x, filters, _ := l.Sizes()
	weights := l.Out * l.in * l.Kernel * l.Kernel
	w, f, padded := m.normal(4, weights), m.empty(filters*elementSize), m.empty(x*elementSize)
	images := m.normal(elementSize, x/l.In*l.in)
	if m.err != nil {
		return m.err
	}
	all := []launched{{
		of: l.String(), kernel: "filters_" + n.Elements(), launch: l.Filters(), count: l.count,
		arguments: []any{int64(l.Out), int64(l.in), int64(l.In), int64(l.Kernel * l.Kernel), w.Address, f.Address},
		bytes:     float64(weights*4 + filters*elementSize),
	}}
	if l.in != l.In {
		all = append(all, launched{
			of: l.String(), kernel: "pad_channels_" + n.Elements(), launch: l.PadChannels(), count: l.count,
			arguments: []any{int64(x / l.In), int64(l.in), int64(l.In), images.Address, padded.Address},
			bytes:     float64(x / l.In * (l.in + l.In) * elementSize),
		})
	}
	return r.each(ctx, all)
}
