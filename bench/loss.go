package main

import (
	"context"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/model"
)

// lossProbe is NT-Xent alone, with the normalisation before it, forward and backward.
type lossProbe struct {
	machine engine.Machine
	took    samples
}

func newLossProbe(s sizes, p precision) (*lossProbe, error) {
	spec := s.spec(s.Views / 2)
	g := gorgonia.NewGraph()
	projection := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithName("projection"),
		gorgonia.WithShape(s.Views, spec.Method.Projector.Output))
	z, err := gorgonia.ApplyOp(model.L2Normalize{}, projection)
	if err != nil {
		return nil, fmt.Errorf("build NT-Xent: %w", err)
	}
	loss, err := gorgonia.ApplyOp(model.NTXent{Temperature: spec.Method.Temperature, Views: 2}, z)
	if err != nil {
		return nil, fmt.Errorf("build NT-Xent: %w", err)
	}
	grads, err := gorgonia.Grad(loss, projection)
	if err != nil {
		return nil, fmt.Errorf("differentiate NT-Xent: %w", err)
	}
	m, err := p.compile(g, append(grads, loss))
	if err != nil {
		return nil, fmt.Errorf("compile NT-Xent in %s: %w", p.name, err)
	}
	fill(m.Values(projection), 1)
	if err := warm(m); err != nil {
		m.Close()
		return nil, err
	}
	return &lossProbe{machine: m}, nil
}

func (l *lossProbe) sample(context.Context) error {
	seconds, err := timeRun(l.machine)
	l.took.add(seconds)
	return err
}

func (l *lossProbe) close() error { return l.machine.Close() }
