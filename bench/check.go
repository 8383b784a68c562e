package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"twinview/checkpoint"
	"twinview/engine/cpu"
)

// verdict is what one side computes for given weights and images: the loss and the length of its gradient.
type verdict struct {
	Loss     float64 `json:"loss"`
	Gradient float64 `json:"gradient"`
}

// checkPeer makes sure that both sides compute the same, in float32, before anybody asks which of them is faster. Both
// figures are sums over all that a step computes; the tolerances are rounding's.
func checkPeer(ctx context.Context, o peerOptions, log io.Writer) error {
	s := o.sizes
	s.Views = min(s.Views, 32)
	folder, err := os.MkdirTemp("", "twinview-bench-")
	if err != nil {
		return fmt.Errorf("make a folder for weights: %w", err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "step.safetensors")
	ours, err := ownVerdict(s, path)
	if err != nil {
		return err
	}
	c := python(ctx, o, "check", path)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("compute the loss in PyTorch (%s): %w", o.python, err)
	}
	var theirs verdict
	if err := json.Unmarshal(out, &theirs); err != nil {
		return fmt.Errorf("read PyTorch's loss from %q: %w", out, err)
	}
	fmt.Fprintf(log, "same weights, same images: loss %.6f here, %.6f in PyTorch; gradient's norm %.5g and %.5g\n",
		ours.Loss, theirs.Loss, ours.Gradient, theirs.Gradient)
	if differ(ours.Loss, theirs.Loss, 1e-4) || differ(ours.Gradient, theirs.Gradient, 1e-2) {
		return fmt.Errorf("the networks differ: %+v here, %+v in PyTorch", ours, theirs)
	}
	return nil
}

func differ(a, b, tolerance float64) bool { return !(math.Abs(a-b) <= tolerance*math.Abs(b)) }

// ownVerdict also writes weights and images to a file.
func ownVerdict(s sizes, path string) (v verdict, err error) {
	n, err := s.pretraining()
	if err != nil {
		return v, err
	}
	m, err := cpu.Compile(n.Graph, outputsOf(n), nil)
	if err != nil {
		return v, fmt.Errorf("compile SimCLR: %w", err)
	}
	defer m.Close()
	fill(m.Values(n.Images), 1)
	if err := m.RunAll(); err != nil {
		return v, fmt.Errorf("compute the loss: %w", err)
	}
	v.Loss = float64(m.Values(n.Loss)[0])
	tensors := []checkpoint.Tensor{{Name: "images", Shape: n.Images.Shape(), Data: m.Values(n.Images)}}
	for _, p := range n.Parameters {
		tensors = append(tensors, checkpoint.Tensor{Name: p.Name, Shape: p.Value.Shape(), Data: m.Values(p.Value)})
		for _, g := range m.Values(p.Grad) {
			v.Gradient += float64(g) * float64(g)
		}
	}
	v.Gradient = math.Sqrt(v.Gradient)
	return v, writeTensors(path, tensors)
}

func writeTensors(path string, tensors []checkpoint.Tensor) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write weights: %w", err)
	}
	defer file.Close()
	if err := checkpoint.WriteSafetensors(file, tensors, nil); err != nil {
		return fmt.Errorf("write weights: %w", err)
	}
	return file.Close()
}
