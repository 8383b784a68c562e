//go:build gpu

package cuda

import (
	"fmt"
	"slices"
	"time"

	"gorgonia.org/cu"
	"gorgonia.org/tensor"

	"twinview/engine/cuda/kernels"
	"twinview/engine/cuda/kernels/gpu"
	"twinview/engine/lowering"
)

// fastest is the candidate that took the least time on this device. What was measured once is kept as long as the process runs.
func (d *device) fastest(candidates []lowering.Convolution) (lowering.Convolution, error) {
	key := measured{candidates[0].Direction, candidates[0].Precision, candidates[0].Shape}
	if at, known := d.measured[key]; known {
		return candidates[at], nil
	}
	took := make([]float64, len(candidates))
	for i, c := range candidates {
		var err error
		if took[i], err = d.duration(c); err != nil {
			return c, fmt.Errorf("measure %s: %w", c.Algorithm, err)
		}
	}
	least := slices.Index(took, slices.Min(took))
	d.measured[key] = least
	return candidates[least], nil
}

// measured is a convolution, whatever computes it.
type measured struct {
	direction lowering.Direction
	precision Precision
	shape     lowering.ConvolutionShape
}

// rampUp is how long a device that had nothing to do is kept busy before the first measurement: its clock is slow at first, and whatever
// is measured then would lose.
const rampUp = 300 * time.Millisecond

// duration is the least time of a few runs of a convolution, in seconds.
func (d *device) duration(c lowering.Convolution) (float64, error) {
	w := operandsOf(c)
	w.convolve(c)
	memory := d.allocations()
	defer memory.free()
	at := map[*lowering.Value]cu.DevicePtr{}
	for _, v := range append(slices.Clone(w.Inputs), w.Out()) {
		var err error
		if at[v], err = memory.onDevice(v.Bytes()); err != nil {
			return 0, err
		}
		const small = 0x3c // a number near 0.01 in either precision
		if err := cu.MemsetD8Async(at[v], small, int64(v.Bytes()), d.Stream); err != nil {
			return 0, fmt.Errorf("fill %d bytes of the device's memory: %w", v.Bytes(), err)
		}
	}
	partials, err := memory.onDevice(w.scratch)
	if err != nil {
		return 0, err
	}
	var all launches
	defer func() { all.free() }()
	for _, call := range w.calls {
		err := all.add(d, c.String(), call, func(pointer any) (uint64, error) {
			switch a := pointer.(type) {
			case null:
				return 0, nil
			case scratch:
				return uint64(partials) + uint64(a), nil
			default:
				return uint64(at[a.(*lowering.Value)]), nil
			}
		})
		if err != nil {
			return 0, err
		}
	}
	for begun := time.Now(); !d.awake; d.awake = time.Since(begun) > rampUp {
		if _, err := gpu.Seconds(d.Stream, all.run, 1, 1); err != nil {
			return 0, err
		}
	}
	const samples = 5
	took, err := gpu.Seconds(d.Stream, all.run, samples, 1)
	if err != nil {
		return 0, err
	}
	return took[0], nil
}

// operandsOf is work on values of a convolution's shape.
func operandsOf(c lowering.Convolution) *work {
	s := c.Shape
	height, width := s.Output()
	x := &lowering.Value{Name: "x", Shape: tensor.Shape{s.Batch, s.Height, s.Width, s.In}, Precision: c.Precision}
	y := &lowering.Value{Name: "y", Shape: tensor.Shape{s.Batch, height, width, s.Out}, Precision: c.Precision}
	weights := &lowering.Value{Name: "weights", Shape: tensor.Shape{s.Out, s.In, s.Kernel, s.Kernel}}
	packed := &lowering.Value{Name: "filters", Shape: weights.Shape, Precision: c.Precision}
	w := &work{}
	switch c.Direction {
	case lowering.Forward:
		w.Inputs, w.Outs = []*lowering.Value{x, packed}, []*lowering.Value{y}
	case lowering.InputGradient:
		w.Inputs, w.Outs = []*lowering.Value{packed, y}, []*lowering.Value{x}
	case lowering.WeightGradient:
		w.Inputs, w.Outs = []*lowering.Value{x, y}, []*lowering.Value{weights}
	}
	return w
}

// The two number directions alike: this compiles only then.
var (
	_ = [1]struct{}{}[int(lowering.Forward)-int(kernels.Forward)]
	_ = [1]struct{}{}[int(lowering.InputGradient)-int(kernels.InputGradient)]
	_ = [1]struct{}{}[int(lowering.WeightGradient)-int(kernels.WeightGradient)]
)
