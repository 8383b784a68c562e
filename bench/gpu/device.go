//go:build gpu

package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"gorgonia.org/cu"

	"twinview/bench/gpu/result"
	"twinview/engine/cuda"
)

func newDeviceCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "device", Short: "Say which GPU it is", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			figures, err := describe(o.device)
			if err != nil {
				return err
			}
			return result.Write(c.OutOrStdout(), figures...)
		},
	}
}

// describe lists what bounds the device's speed.
func describe(ordinal int) ([]result.Figure, error) {
	description, err := cuda.Description(ordinal)
	if err != nil {
		return nil, err
	}
	p, err := propertiesOf(ordinal)
	if err != nil {
		return nil, err
	}
	figures := []result.Figure{
		{Name: "device", Value: float64(ordinal), Note: description},
		{Name: "compute_capability", Value: float64(p.major) + float64(p.minor)/10},
		{Name: "multiprocessors", Value: float64(p.multiprocessors)},
		{Name: "clock", Value: p.clock / 1e6, Unit: "MHz", Note: "the highest"},
		{Name: "memory", Value: float64(p.memory) / (1 << 30), Unit: "GiB"},
	}
	for _, n := range []string{"bfloat16", "tf32", "float32"} {
		if p.peak(n) == 0 {
			continue // an unknown device
		}
		figures = append(figures, result.Figure{
			Name: "peak_" + n, Value: p.peak(n) / 1e12, Unit: "TFLOP/s", Note: "multiprocessors × clock × what each does in a cycle",
		})
	}
	return figures, nil
}

// properties are the device's, as far as the driver tells: 0 where it doesn't.
type properties struct {
	major, minor, multiprocessors int
	clock                         float64 // Hz
	memory                        int64
}

func propertiesOf(ordinal int) (p properties, err error) {
	d := cu.Device(ordinal)
	if p.major, p.minor, err = d.ComputeCapability(); err != nil {
		return p, fmt.Errorf("ask cuda:%d for its compute capability: %w", ordinal, err)
	}
	if p.multiprocessors, err = d.Attribute(cu.MultiprocessorCount); err != nil {
		return p, fmt.Errorf("ask cuda:%d for its multiprocessors: %w", ordinal, err)
	}
	if p.memory, err = d.TotalMem(); err != nil {
		return p, fmt.Errorf("ask cuda:%d for its memory: %w", ordinal, err)
	}
	if kHz, err := d.Attribute(cu.ClockRate); err == nil { // newer drivers may leave it out
		p.clock = float64(kHz) * 1e3
	}
	return p, nil
}

// peak is how many operations a second the device can make at its highest clock, a multiplication and an addition counted as two;
// 0 where that is not known.
func (p properties) peak(number string) float64 {
	// Of a multiprocessor in a cycle, dense, by NVIDIA's white papers of each architecture: bfloat16 with sums in float32, and float32
	// without tensor cores. TF32 is half of bfloat16.
	perCycle := map[int][2]float64{
		80: {2048, 128}, 86: {1024, 256}, 87: {1024, 256}, 89: {1024, 256}, 90: {4096, 256},
		100: {8192, 256}, 103: {8192, 256}, 120: {1024, 256},
	}[10*p.major+p.minor]
	cycles := float64(p.multiprocessors) * p.clock
	switch number {
	case "bfloat16":
		return cycles * perCycle[0]
	case "tf32":
		return cycles * perCycle[0] / 2
	default:
		return cycles * perCycle[1]
	}
}
