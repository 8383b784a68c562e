//go:build gpu

package main

import (
	"fmt"
	"time"

	"gorgonia.org/gorgonia"

	"twinview/bench/gpu/result"
	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
)

// calls are how long the calls of a training took to return, in seconds. Fill and Begin have to return while the device computes: what
// they take is then hidden behind the step, for whose end End waits.
type calls struct{ fill, begin, end result.Samples }

// timing makes machines whose calls are timed.
func (c *calls) timing(compile engine.Compiler) engine.Compiler {
	return func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded engine.Kernels) (engine.Machine, error) {
		m, err := compile(g, outputs, recorded)
		if err != nil {
			return nil, err
		}
		own, ok := m.(trainingMachine)
		if !ok {
			m.Close()
			return nil, fmt.Errorf("%T has no queue or makes no views: there is nothing to time", m)
		}
		return &timedMachine{own, c}, nil
	}
}

// trainingMachine is all that the engine's machines can do for a training.
type trainingMachine interface {
	engine.Machine
	engine.Optimizing
	engine.Queueing
	engine.Augmenting
}

type timedMachine struct {
	trainingMachine
	calls *calls
}

// NewQueue implements engine.Queueing.
func (m *timedMachine) NewQueue(o engine.Optimizer, read gorgonia.Nodes) (engine.Queue, error) {
	q, err := m.trainingMachine.NewQueue(o, read)
	if err != nil {
		return nil, err
	}
	return &timedQueue{q, m.calls}, nil
}

// NewAugmenter implements engine.Augmenting.
func (m *timedMachine) NewAugmenter(
	leaf *gorgonia.Node, images dataset.Images, views []experiment.View,
) (engine.Augmenter, error) {
	a, err := m.trainingMachine.NewAugmenter(leaf, images, views)
	if err != nil {
		return nil, err
	}
	return &timedAugmenter{a, m.calls}, nil
}

type timedQueue struct {
	engine.Queue
	calls *calls
}

// Begin implements engine.Queue.
func (q *timedQueue) Begin(rate float64, number int) error {
	defer since(&q.calls.begin, time.Now())
	return q.Queue.Begin(rate, number)
}

// End implements engine.Queue.
func (q *timedQueue) End() (engine.Results, error) {
	defer since(&q.calls.end, time.Now())
	return q.Queue.End()
}

type timedAugmenter struct {
	engine.Augmenter
	calls *calls
}

// Fill implements engine.Augmenter.
func (a *timedAugmenter) Fill(views []engine.View) error {
	defer since(&a.calls.fill, time.Now())
	return a.Augmenter.Fill(views)
}

func since(took *result.Samples, start time.Time) {
	*took = append(*took, time.Since(start).Seconds())
}

// figures are those of a way to train after so many rounds.
func (c *calls) figures(of string, rounds int) (figures []result.Figure) {
	for _, call := range []struct {
		name string
		took result.Samples
		note string
	}{
		{"fill", c.fill, "until the augmenter's Fill returns: far less than a step if it doesn't wait for the GPU"},
		{"begin", c.begin, "until the queue's Begin returns: far less than a step if it doesn't wait for the GPU"},
		{"end", c.end, "until the queue's End returns, which waits for a step: near to a step if the GPU is what takes the time"},
	} {
		if len(call.took) > 0 {
			f := call.took.Figure(call.name, "µs", 1e6)
			f.Of, f.Rounds, f.Note = of, rounds, call.note
			figures = append(figures, f)
		}
	}
	return figures
}
