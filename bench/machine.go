package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/model"
)

// profiler is a machine that knows what it spent its time on: the sum since it was made, by kind of op, for example
// "convolution forward".
type profiler interface {
	Profile() map[string]time.Duration
}

// profileOf is nil for a machine that keeps none.
func profileOf(m engine.Machine) map[string]time.Duration {
	if p, ok := m.(profiler); ok {
		return p.Profile()
	}
	return nil
}

// seconds is the sum of a profile.
func seconds(profile map[string]time.Duration) (sum float64) {
	for _, spent := range profile {
		sum += spent.Seconds()
	}
	return sum
}

// outputsOf are what a training step reads: as train has it, so that the machine keeps as much memory.
func outputsOf(n *model.Network) gorgonia.Nodes {
	outputs := gorgonia.Nodes{n.Loss}
	for _, p := range n.Parameters {
		outputs = append(outputs, p.Grad)
	}
	for _, norm := range n.Norms {
		outputs = append(outputs, norm.Node)
	}
	return outputs
}

// fill draws from [−1, 1).
func fill(values []float32, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range values {
		values[i] = 2*r.Float32() - 1
	}
}

// timeRun runs a machine once.
func timeRun(m engine.Machine) (seconds float64, err error) {
	start := time.Now()
	if err := m.RunAll(); err != nil {
		return 0, fmt.Errorf("run the graph: %w", err)
	}
	return time.Since(start).Seconds(), nil
}

// warm runs a machine without taking the time: the first run touches memory, and a processor that was idle is slow to
// begin with.
func warm(m engine.Machine) error {
	_, err := timeRun(m)
	return err
}
