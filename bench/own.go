package main

import (
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"

	"twinview/engine"
)

// ownConvolution is what the engine makes of one convolution: whichever kernel it chooses, with whatever it does to
// weights and borders.
type ownConvolution struct {
	machine engine.Machine
	took    samples
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
	if err := warm(m); err != nil {
		m.Close()
		return nil, err
	}
	return &ownConvolution{machine: m}, nil
}

// sample takes the time of the convolution alone, as the machine tells it: in a precision that the leaves don't have, the
// whole run would convert them too.
func (c *ownConvolution) sample() error {
	before := convolutionSeconds(c.machine)
	if err := c.machine.RunAll(); err != nil {
		return fmt.Errorf("run the engine's kernel: %w", err)
	}
	c.took.add(convolutionSeconds(c.machine) - before)
	return nil
}

func convolutionSeconds(m engine.Machine) (sum float64) {
	for op, spent := range profileOf(m) {
		if strings.HasPrefix(op, "convolution") {
			sum += spent.Seconds()
		}
	}
	return sum
}
