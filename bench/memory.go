package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"twinview/dataset"
	"twinview/hardware"
	"twinview/train"
)

// peakMemory is the most memory that a process needs for a training step, measured by one that does nothing else.
func peakMemory(ctx context.Context, s sizes, p precision) (record, error) {
	self, err := os.Executable()
	if err != nil {
		return record{}, fmt.Errorf("find this program: %w", err)
	}
	c := exec.CommandContext(ctx, self, "step-memory", "--precision", p.name, "--width", strconv.Itoa(s.Width),
		"--size", strconv.Itoa(s.Size), "--memory-images", strconv.Itoa(s.MemoryImages),
		"--winograd", strconv.Itoa(s.Tile))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return record{}, fmt.Errorf("measure the memory of a step in %s: %w", p.name, err)
	}
	var r record
	if err := json.Unmarshal(out, &r); err != nil {
		return record{}, fmt.Errorf("read the memory of a step from %q: %w", out, err)
	}
	return r, nil
}

// stepMemory takes one training step as a worker does and tells what this process needed.
func stepMemory(ctx context.Context, s sizes, p precision) (record, error) {
	spec := s.spec(s.MemoryImages)
	state, err := train.NewPretrainState(spec)
	if err != nil {
		return record{}, fmt.Errorf("make the training state: %w", err)
	}
	images := dataset.DrawSynthetic(1, s.MemoryImages, 0).Train
	if _, err := train.PretrainEpoch(ctx, spec, images, state, train.Options{Compile: p.compiler()}); err != nil {
		return record{}, fmt.Errorf("take a training step in %s: %w", p.name, err)
	}
	peak, err := hardware.PeakMemory()
	if err != nil {
		return record{}, err
	}
	return record{
		Name: "peak_memory", Precision: p.name, Value: float64(peak) / (1 << 20), Unit: "MiB", Views: 2 * s.MemoryImages,
	}, nil
}
