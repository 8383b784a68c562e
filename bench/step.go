package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"twinview/engine"
	"twinview/model"
)

// stepProbe is a step of SimCLR, forward and backward, without the optimiser.
type stepProbe struct {
	precision precision
	views     int
	network   *model.Network
	machine   engine.Machine
	before    map[string]time.Duration
	took      samples
}

func newStepProbe(s sizes, p precision) (*stepProbe, error) {
	n, err := s.pretraining()
	if err != nil {
		return nil, err
	}
	m, err := p.compile(n.Graph, outputsOf(n))
	if err != nil {
		return nil, fmt.Errorf("compile SimCLR in %s: %w", p.name, err)
	}
	fill(m.Values(n.Images), 1)
	if err := warm(m); err != nil {
		m.Close()
		return nil, err
	}
	return &stepProbe{precision: p, views: s.Views, network: n, machine: m, before: profileOf(m)}, nil
}

func (t *stepProbe) sample(context.Context) error {
	seconds, err := timeRun(t.machine)
	t.took.add(seconds)
	return err
}

func (t *stepProbe) records() ([]record, error) {
	train := t.took.rate("train", "views/s", t.views)
	train.Precision, train.Views = t.precision.name, t.views
	return append([]record{train}, t.shares()...), nil
}

// shares says what a step is spent on, the most first, where the machine knows.
func (t *stepProbe) shares() []record {
	var shares []record
	var total time.Duration
	spent := map[string]time.Duration{}
	for op, after := range profileOf(t.machine) {
		spent[op] = after - t.before[op]
		total += spent[op]
	}
	longestFirst := func(a, b string) int {
		return cmp.Or(cmp.Compare(spent[b], spent[a]), cmp.Compare(a, b))
	}
	for _, op := range slices.SortedFunc(maps.Keys(spent), longestFirst) {
		shares = append(shares, record{
			Name: "step_share", Precision: t.precision.name, Op: op, Unit: "fraction",
			Value: spent[op].Seconds() / total.Seconds(), Views: t.views,
		})
	}
	return shares
}

func (t *stepProbe) close() error { return t.machine.Close() }
