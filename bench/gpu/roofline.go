//go:build gpu

package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"twinview/bench/gpu/result"
	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/gpu"
)

func newRooflineCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "roofline", Short: "Measure every kernel at the sizes of a training step", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return measureKernels(c.Context(), o, c.OutOrStdout())
		},
	}
}

// roofline is what a device can do at most: bytes a second between it and its memory, as a copy has them, and operations a second.
type roofline struct {
	device    *gpu.Device
	quick     bool
	bandwidth float64
	properties
	out io.Writer
	// measured are the kernels that were.
	measured map[string]bool
	// totals are those of a training step in bfloat16.
	totals totals
	// worked is when the device was last known to work.
	worked time.Time
}

// A device that has nothing to do lowers its clocks, to a fifth on an H100, and needs some time to raise them again.
const (
	warmUp = 300 * time.Millisecond
	// Between two measurements arrays are made, which is work for the processor.
	staysWarm = 100 * time.Millisecond
)

// launched is a kernel at one size. Bytes are those that have to be read and written at least; operations are of a kind of number.
type launched struct {
	of, kernel, direction string
	launch                kernels.Launch
	arguments             []any
	count                 int
	bytes, operations     float64
	number                string
	note                  string
}

func measureKernels(ctx context.Context, o *options, out io.Writer) error {
	device, err := gpu.Open(o.device)
	if err != nil {
		return err
	}
	p, err := propertiesOf(o.device)
	if err != nil {
		return err
	}
	r := &roofline{device: device, quick: o.quick, properties: p, out: out, measured: map[string]bool{}}
	if err := r.copies(); err != nil {
		return fmt.Errorf("measure the memory: %w", err)
	}
	for _, part := range []func(context.Context, sizes) error{r.convolutions, r.passes, r.heads, r.optimizers, r.views} {
		if err := part(ctx, stepSizes(o.quick)); err != nil {
			return err
		}
	}
	if err := result.Write(r.out, r.totals.figures()...); err != nil {
		return err
	}
	return r.unmeasured()
}

// copies measures the memory's bandwidth: what is copied is read once and written once.
func (r *roofline) copies() error {
	bytes := 1 << 30
	if r.quick {
		bytes = 1 << 22
	}
	m := &memory{device: r.device}
	defer m.free()
	from, to := m.normal(4, bytes/4), m.empty(bytes)
	if m.err != nil {
		return m.err
	}
	took, err := r.seconds(gpu.Copy(to, from))
	if err != nil {
		return err
	}
	rates := result.Samples{}
	for _, t := range took {
		rates = append(rates, 2*float64(bytes)/t)
	}
	r.bandwidth = rates.Median()
	f := rates.Figure("bandwidth", "GB/s", 1e-9)
	f.Note = fmt.Sprintf("a copy of %d MiB, read and written", bytes>>20)
	return result.Write(r.out, f)
}

// seconds are several samples of work, each long enough for the clock.
func (r *roofline) seconds(work gpu.Work) (result.Samples, error) {
	samples, repetitions := 1, 1
	if !r.quick {
		if err := r.warm(work); err != nil {
			return nil, err
		}
		const enough = 2e-3
		n, err := r.repetitions(work, enough)
		if err != nil {
			return nil, err
		}
		samples, repetitions = 5, n
	}
	took, err := r.device.Seconds(work, samples, repetitions)
	r.worked = time.Now()
	return took, err
}

// repetitions of work take so many seconds, unless those are too many.
func (r *roofline) repetitions(work gpu.Work, seconds float64) (int, error) {
	first, err := r.device.Seconds(work, 1, 1)
	if err != nil {
		return 0, err
	}
	return int(min(200, max(1, math.Ceil(seconds/max(first[0], 1e-6))))), nil
}

// warm keeps the device at work, so that its clocks rise before the first sample, unless it has just worked.
func (r *roofline) warm(work gpu.Work) error {
	if time.Since(r.worked) < staysWarm {
		return nil
	}
	const enough = 10e-3
	n, err := r.repetitions(work, enough)
	if err != nil {
		return err
	}
	for start := time.Now(); time.Since(start) < warmUp; {
		if _, err := r.device.Seconds(work, 1, n); err != nil {
			return err
		}
	}
	return nil
}

// time measures launches in a row, the first of which is what it is about, and compares them with the roofline.
func (r *roofline) time(all ...launched) (result.Figure, error) {
	var calls []*gpu.Call
	first := all[0]
	bytes, operations := 0.0, 0.0
	for _, l := range all {
		call, err := r.device.Prepare(l.kernel, l.launch, l.arguments...)
		if err != nil {
			return result.Figure{}, err
		}
		calls = append(calls, call)
		r.measured[l.kernel] = true
		bytes += l.bytes
		operations += l.operations
	}
	took, err := r.seconds(gpu.Calls(calls...))
	if err != nil {
		return result.Figure{}, fmt.Errorf("measure %s of %s: %w", first.kernel, first.of, err)
	}
	f := took.Figure("kernel", "µs", 1e6)
	f.Of, f.Kernel, f.Direction, f.Count, f.Note = first.of, first.kernel, first.direction, first.count, first.note
	f.Bytes, f.GFLOP = bytes, operations/1e9
	bound := bytes / r.bandwidth
	if peak := r.peak(first.number); peak > 0 {
		bound = max(bound, operations/peak)
	}
	f.Bound = bound * 1e6
	f.Roofline = f.Bound / f.Value
	return f, nil
}

// each measures launches one by one and writes their figures.
func (r *roofline) each(ctx context.Context, all []launched) error {
	for _, l := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := r.time(l)
		if err != nil {
			return err
		}
		if err := r.write(f); err != nil {
			return err
		}
	}
	return nil
}

// write writes figures and adds them up.
func (r *roofline) write(figures ...result.Figure) error {
	r.totals.add(figures)
	return result.Write(r.out, figures...)
}

// unmeasured names the kernels that a training step of these sizes doesn't show.
func (r *roofline) unmeasured() error {
	var names []string
	for _, m := range kernels.Modules() {
		for _, kernel := range m.Kernels {
			if !r.measured[kernel] {
				names = append(names, kernel)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := result.Write(r.out, result.Figure{Name: "not_measured", Kernel: name}); err != nil {
			return err
		}
	}
	return nil
}
