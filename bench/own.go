package main

import (
	"fmt"
	"strings"
	"time"

	"gorgonia.org/gorgonia"

	"twinview/engine"
)

// ownConvolution is what the engine makes of one convolution: whichever kernel it chooses, with whatever it does to
// weights and borders.
type ownConvolution struct {
	machine engine.Machine
	took    samples
	// note says what the time is of.
	note string
}

func newOwnConvolution(l layer, d direction, p precision) (*ownConvolution, error) {
	g, inputs, output, err := l.graph(d)
	if err != nil {
		return nil, fmt.Errorf("build %v of %v: %w", d, l, err)
	}
	m, err := p.compile(g, gorgonia.Nodes{output})
	if err != nil {
		return nil, fmt.Errorf("compile %v of %v in %s: %w", d, l, p.name, err)
	}
	for seed, input := range inputs {
		fill(m.Values(input), uint64(seed))
	}
	c := &ownConvolution{machine: m}
	if profileOf(m) == nil {
		c.note = "whole graph"
	}
	if err := warm(m); err != nil {
		m.Close()
		return nil, err
	}
	return c, nil
}

// sample takes the time of the convolution alone where the machine knows it: in a precision that the leaves don't have,
// the whole run would convert them too.
func (c *ownConvolution) sample() error {
	before := convolutionTime(c.machine)
	seconds, err := timeRun(c.machine)
	if profile := convolutionTime(c.machine) - before; profile > 0 {
		seconds = profile.Seconds()
	}
	c.took.add(seconds)
	return err
}

func convolutionTime(m engine.Machine) (total time.Duration) {
	for op, spent := range profileOf(m) {
		if strings.HasPrefix(op, "convolution") {
			total += spent
		}
	}
	return total
}
