package main

import (
	"context"
	"fmt"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/model"
)

// classes is CIFAR-10's number.
const classes = 10

// inferenceProbe is a forward pass of the classifier, with running statistics.
type inferenceProbe struct {
	precision precision
	views     int
	machine   engine.Machine
	took      samples
}

func newInferenceProbe(s sizes, p precision) (*inferenceProbe, error) {
	n, err := model.NewInference(s.spec(1).Encoder, classes, model.Options{Batch: s.Views, Size: s.Size})
	if err != nil {
		return nil, fmt.Errorf("build the inference network: %w", err)
	}
	model.Initialise(n, 1)
	m, err := p.compile(n.Graph, gorgonia.Nodes{n.Logits})
	if err != nil {
		return nil, fmt.Errorf("compile the inference network in %s: %w", p.name, err)
	}
	fill(m.Values(n.Images), 1)
	for _, norm := range n.Norms {
		stats := m.Values(norm.Node)
		for c := len(stats) / 2; c < len(stats); c++ {
			stats[c] = 1 // variances
		}
	}
	if err := warm(m); err != nil {
		m.Close()
		return nil, err
	}
	return &inferenceProbe{precision: p, views: s.Views, machine: m}, nil
}

func (i *inferenceProbe) sample(context.Context) error {
	seconds, err := timeRun(i.machine)
	i.took.add(seconds)
	return err
}

func (i *inferenceProbe) records() ([]record, error) {
	r := i.took.rate("inference", "views/s", i.views)
	r.Precision, r.Views = i.precision.name, i.views
	return []record{r}, nil
}

func (i *inferenceProbe) close() error { return i.machine.Close() }
