package train

import (
	"fmt"
	"sync"
	"sync/atomic"

	"twinview/engine"
	"twinview/experiment"
)

// optimizer is the rule by which parameters move. It keeps nothing itself: what it remembers of a parameter lies in that
// parameter's buffers, which are part of the State.
type optimizer interface {
	// buffers names the arrays that the rule keeps for each parameter, zero before the first step.
	buffers() []string
	// update moves one parameter at a learning rate; step counts from 1.
	update(p parameter, rate float64, step int)
}

// parameter is one parameter as an optimiser sees it; all slices have the same length.
type parameter struct {
	// value is read and written, grad only read.
	value, grad []float32
	// excluded from weight decay and from LARS's trust ratio: a bias or a batch-norm parameter.
	excluded bool
	// buffers are in the order of optimizer.buffers, read and written.
	buffers [][]float32
}

func newOptimizer(o experiment.Optimizer) (optimizer, error) {
	switch o.Name {
	case experiment.SGD:
		return sgd{momentum: float32(o.Momentum), nesterov: o.Nesterov, decay: float32(o.WeightDecay)}, nil
	case experiment.LARS:
		return newLARS(o), nil
	case experiment.AdamW:
		return adamW{betas: o.Betas, epsilon: o.Epsilon, decay: o.WeightDecay}, nil
	default:
		return nil, fmt.Errorf("optimizer.name: unknown optimiser %q: use %s, %s or %s",
			o.Name, experiment.SGD, experiment.LARS, experiment.AdamW)
	}
}

// moverOf returns what moves a machine's parameters: its own optimiser if it has one, else the loops of this package.
func moverOf(
	machine engine.Machine, o experiment.Optimizer, rule optimizer, parameters []engine.Parameter,
) (engine.Optimizer, error) {
	if fast, ok := machine.(engine.Optimizing); ok {
		return fast.NewOptimizer(o, parameters)
	}
	return newPlainMover(machine, rule, parameters), nil
}

// plainMover is the engine.Optimizer of a machine that has none, slow and easy to follow: what the fast ones are tested
// against.
type plainMover struct {
	machine engine.Machine
	rule    optimizer
	nodes   []engine.Parameter
	bound   []parameter
}

func newPlainMover(machine engine.Machine, rule optimizer, parameters []engine.Parameter) *plainMover {
	m := &plainMover{machine: machine, rule: rule, nodes: parameters}
	for _, p := range parameters {
		bound := parameter{value: machine.Values(p.Value), excluded: p.Excluded}
		for range rule.buffers() {
			bound.buffers = append(bound.buffers, make([]float32, len(bound.value)))
		}
		m.bound = append(m.bound, bound)
	}
	return m
}

// Buffers implements engine.Optimizer.
func (m *plainMover) Buffers(i int) [][]float32 { return m.bound[i].buffers }

// Step implements engine.Optimizer. Each parameter is moved by one goroutine, so their number changes nothing.
func (m *plainMover) Step(rate float64, step int) (finite bool, err error) {
	var all sync.WaitGroup
	var broken atomic.Bool
	for i, p := range m.bound {
		p.grad = m.machine.Values(m.nodes[i].Grad)
		all.Go(func() {
			m.rule.update(p, rate, step)
			if !p.finite() {
				broken.Store(true)
			}
		})
	}
	all.Wait()
	return !broken.Load(), nil
}

func (p parameter) finite() bool {
	for _, buffer := range p.buffers {
		if !allFinite(buffer) {
			return false
		}
	}
	return allFinite(p.value)
}

func allFinite(values []float32) bool {
	for _, v := range values {
		if v-v != 0 { // infinite or not a number
			return false
		}
	}
	return true
}
