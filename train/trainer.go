package train

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// trainer takes optimiser steps on one machine. Weights live in the machine's leaves meanwhile; running statistics,
// buffers and counters in the state, which is the trainer's own.
type trainer struct {
	network  *model.Network
	machine  engine.Machine
	rule     optimizer
	schedule schedule
	state    *State

	parameters []parameter
	norms      []statistics
	onStep     func(experiment.Heartbeat)
}

// newTrainer compiles the network and writes the state's weights into the machine. The state must not be used by anyone
// else until finish.
func newTrainer(n *model.Network, s *State, o experiment.Optimizer, at schedule, options Options) (*trainer, error) {
	rule, err := newOptimizer(o)
	if err != nil {
		return nil, err
	}
	machine, err := options.Compile(n.Graph, trainingOutputs(n), s.kernels)
	if err != nil {
		return nil, fmt.Errorf("compile the graph of stage %s: %w", s.stage, err)
	}
	s.kernels = machine.Kernels()
	t := &trainer{network: n, machine: machine, rule: rule, schedule: at, state: s, onStep: options.OnStep}
	if err := t.bind(o.DecayNorms); err != nil {
		machine.Close()
		return nil, err
	}
	return t, nil
}

func trainingOutputs(n *model.Network) gorgonia.Nodes {
	outputs := gorgonia.Nodes{n.Loss}
	if n.Logits != nil {
		outputs = append(outputs, n.Logits)
	}
	for _, p := range n.Parameters {
		outputs = append(outputs, p.Grad)
	}
	for _, norm := range n.Norms {
		outputs = append(outputs, norm.Node)
	}
	return outputs
}

// bind joins each parameter with its buffers, and each batch norm with its running statistics.
func (t *trainer) bind(decayNorms bool) error {
	for _, p := range t.network.Parameters {
		value := t.machine.Values(p.Value)
		weights, err := t.state.floats(p.Name, len(value))
		if err != nil {
			return err
		}
		copy(value, weights)
		bound := parameter{name: p.Name, value: value, excluded: !p.Decay && !decayNorms}
		for _, name := range t.rule.buffers() {
			buffer, err := t.state.floats(bufferPrefix+name+"."+p.Name, len(value))
			if err != nil {
				return err
			}
			bound.buffers = append(bound.buffers, buffer)
		}
		t.parameters = append(t.parameters, bound)
	}
	for _, norm := range t.network.Norms {
		running, err := statisticsOf(t.state, norm)
		if err != nil {
			return err
		}
		t.norms = append(t.norms, running)
	}
	return nil
}

// feed writes the next batch into the machine's leaves.
type feed func(ctx context.Context) error

// epoch takes the steps of one epoch, each on views rows.
func (t *trainer) epoch(ctx context.Context, steps, views int, next feed) (EpochStats, error) {
	var stats EpochStats
	var correct int
	start := time.Now()
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return EpochStats{}, err
		}
		waiting := time.Now()
		if err := next(ctx); err != nil {
			return EpochStats{}, err
		}
		stats.DataWaitSeconds += time.Since(waiting).Seconds()
		stats.LearningRate = t.schedule.at(t.state.Step)
		loss, err := t.step(stats.LearningRate)
		if err != nil {
			return EpochStats{}, err
		}
		stats.Loss += loss / float64(steps)
		correct += t.correct()
		stats.Seconds = time.Since(start).Seconds()
		stats.ViewsPerSecond = float64((step+1)*views) / stats.Seconds
		t.report(step+1, steps, loss, stats.ViewsPerSecond)
	}
	if !t.finite() {
		return EpochStats{}, t.diverged(stats.Loss)
	}
	t.state.Epoch++
	stats.Accuracy = float64(correct) / float64(steps*views)
	return stats, nil
}

// step runs the graph once and moves every parameter.
func (t *trainer) step(rate float64) (loss float64, err error) {
	if err := t.machine.RunAll(); err != nil {
		return 0, fmt.Errorf("run step %d of stage %s: %w", t.state.Step+1, t.state.stage, err)
	}
	t.state.Step++
	loss = float64(t.machine.Values(t.network.Loss)[0])
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, t.diverged(loss)
	}
	for i, norm := range t.network.Norms {
		t.norms[i].update(t.machine.Values(norm.Node))
	}
	// Each parameter is moved by one goroutine, so their number changes nothing.
	var all sync.WaitGroup
	for i, p := range t.parameters {
		p.grad = t.machine.Values(t.network.Parameters[i].Grad)
		all.Go(func() { t.rule.update(p, rate, t.state.Step) })
	}
	all.Wait()
	return loss, nil
}

// correct counts the rows of the last step that were classified rightly, 0 in a network without a classifier.
func (t *trainer) correct() int {
	if t.network.Logits == nil {
		return 0
	}
	logits := t.machine.Values(t.network.Logits)
	labels := t.machine.Values(t.network.Labels)
	classes := len(logits) / len(labels)
	count := 0
	for i, label := range labels {
		if argmax(logits[i*classes:(i+1)*classes]) == int(label) {
			count++
		}
	}
	return count
}

func (t *trainer) report(step, steps int, loss, viewsPerSecond float64) {
	if t.onStep == nil {
		return
	}
	t.onStep(experiment.Heartbeat{
		Stage: t.state.stage, Epoch: t.state.Epoch + 1, Step: step, Steps: steps,
		Loss: loss, ViewsPerSecond: viewsPerSecond,
	})
}

// finite tells whether all weights and running statistics are: the last update is in no loss yet.
func (t *trainer) finite() bool {
	for _, p := range t.parameters {
		if !allFinite(p.value) {
			return false
		}
	}
	for _, norm := range t.norms {
		if !allFinite(norm.mean) || !allFinite(norm.variance) {
			return false
		}
	}
	return true
}

func allFinite(values []float32) bool {
	for _, v := range values {
		if v-v != 0 { // infinite or not a number
			return false
		}
	}
	return true
}

func (t *trainer) diverged(loss float64) error {
	return &DivergedError{Stage: t.state.stage, Epoch: t.state.Epoch + 1, Step: t.state.Step, Loss: loss}
}

// finish reads the weights back from the machine and hands the state over.
func (t *trainer) finish() (*State, error) {
	for _, p := range t.parameters {
		weights, err := t.state.floats(p.name, len(p.value))
		if err != nil {
			return nil, err
		}
		copy(weights, p.value)
	}
	return t.state, nil
}

func (t *trainer) close() error { return t.machine.Close() }
