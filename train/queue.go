package train

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/model"
)

// queueOf is the machine's own queue of steps where it has one, and how many steps it may hold; else one that takes a step at a
// time.
func queueOf(m engine.Machine, o engine.Optimizer, n *model.Network) (q engine.Queue, depth int, err error) {
	if queueing, ok := m.(engine.Queueing); ok {
		q, err = queueing.NewQueue(o, readOf(n))
		return q, engine.QueueDepth, err
	}
	return &inTurn{machine: m, optimizer: o, values: m.Values}, 1, nil
}

// readOf lists what the trainer reads of each step.
func readOf(n *model.Network) gorgonia.Nodes {
	read := gorgonia.Nodes{n.Loss}
	if n.Logits != nil {
		read = append(read, n.Logits, n.Labels)
	}
	for _, norm := range n.Norms {
		read = append(read, norm.Node)
	}
	return read
}

// inTurn is the queue of a machine that has none: Begin does all of the step.
type inTurn struct {
	machine   engine.Machine
	optimizer engine.Optimizer
	values    func(n *gorgonia.Node) []float32
	finite    bool
}

// Feed implements engine.Queue.
func (q *inTurn) Feed(leaf *gorgonia.Node, values []float32) error {
	copy(q.machine.Values(leaf), values)
	return nil
}

// Begin implements engine.Queue.
func (q *inTurn) Begin(rate float64, number int) (err error) {
	if err := q.machine.RunAll(); err != nil {
		return err
	}
	if q.finite, err = q.optimizer.Step(rate, number); err != nil {
		return fmt.Errorf("move the parameters: %w", err)
	}
	return nil
}

// Copy implements engine.Queue.
func (q *inTurn) Copy(from, to [][]float32) (wait func() error, err error) {
	for i, values := range from {
		copy(to[i], values)
	}
	return func() error { return nil }, nil
}

// End implements engine.Queue.
func (q *inTurn) End() (engine.Results, error) {
	return engine.Results{Finite: q.finite, Values: q.values}, nil
}
