package cpu

import (
	"fmt"
	"time"

	"gorgonia.org/gorgonia"

	"twinview/engine/lowering"
)

// plan is a compiled graph.
type plan struct {
	steps   []step
	visible map[*gorgonia.Node][]float32 // leaves and outputs
	owned   [][]float32
	kernels *kernels
	spent   map[string]*time.Duration
}

// step is one instruction with its memory found.
type step struct {
	name  string
	run   func() error
	spent *time.Duration
}

func newPlan(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, c *chooser) (*plan, error) {
	program, err := lowering.NewProgram(g, outputs)
	if err != nil {
		return nil, err
	}
	precision, err := c.precision()
	if err != nil {
		return nil, err
	}
	program.InPrecision(precision)
	if err := c.algorithms(program); err != nil {
		return nil, err
	}
	program.Fuse(lowering.Passing{Accumulates: addsInPassing, Normalises: normalisesInPassing})
	p := &plan{visible: map[*gorgonia.Node][]float32{}, kernels: newKernels(), spent: map[string]*time.Duration{}}
	if err := p.build(program); err != nil {
		p.free()
		return nil, err
	}
	return p, nil
}

func (p *plan) build(g *lowering.Program) error {
	m, err := p.place(g)
	if err != nil {
		return err
	}
	for n, v := range g.Outputs {
		p.visible[n] = m.of(v)
	}
	for n, v := range g.Leaves {
		p.visible[n] = m.of(v)
		if bound := n.Value(); bound != nil {
			copy(p.visible[n], lowering.Elements(bound))
		}
	}
	for _, i := range g.Instructions {
		run, err := p.kernels.compile(i, m)
		if err != nil {
			return fmt.Errorf("compile %v for node %q: %w", i.Op, i.Out().Name, err)
		}
		if run != nil {
			p.steps = append(p.steps, step{i.Out().Name, run, p.clock(label(i.Op))})
		}
	}
	return nil
}

// clock is where the time of the ops with a label is added up.
func (p *plan) clock(label string) *time.Duration {
	if p.spent[label] == nil {
		p.spent[label] = new(time.Duration)
	}
	return p.spent[label]
}

// own allocates memory that lives as long as the plan.
func (p *plan) own(n int) ([]float32, error) {
	values, err := allocate(n)
	if err != nil {
		return nil, err
	}
	p.owned = append(p.owned, values)
	return values, nil
}

func (p *plan) run() error {
	start := time.Now()
	for _, s := range p.steps {
		if err := s.run(); err != nil {
			return fmt.Errorf("compute node %q: %w", s.name, err)
		}
		end := time.Now()
		*s.spent += end.Sub(start)
		start = end
	}
	return nil
}

func (p *plan) free() {
	p.kernels.free()
	for _, memory := range p.owned {
		free(memory)
	}
	p.owned, p.visible, p.steps = nil, nil, nil
}
