package train

import (
	"context"
	"fmt"
	"math"
	"time"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// trainer takes optimiser steps on one machine. Weights and the optimiser's buffers live in the machine meanwhile;
// running statistics and counters in the state, which is the trainer's own.
type trainer struct {
	network   *model.Network
	machine   engine.Machine
	optimizer engine.Optimizer
	schedule  schedule
	state     *State

	norms []statistics
	// buffers are the names of the optimiser's.
	buffers []string
	onStep  func(experiment.Heartbeat)
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
	s.record(machine.Kernels())
	t := &trainer{network: n, machine: machine, schedule: at, state: s, buffers: rule.buffers(), onStep: options.OnStep}
	t.optimizer, err = moverOf(machine, o, rule, trained(n, o.DecayNorms))
	if err == nil {
		err = t.bind()
	}
	if err != nil {
		machine.Close()
		return nil, fmt.Errorf("prepare stage %s: %w", s.stage, err)
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

// trained lists the parameters as the optimiser sees them.
func trained(n *model.Network, decayNorms bool) []engine.Parameter {
	var parameters []engine.Parameter
	for _, p := range n.Parameters {
		parameters = append(parameters, engine.Parameter{Value: p.Value, Grad: p.Grad, Excluded: !p.Decay && !decayNorms})
	}
	return parameters
}

// bind writes the state's weights and buffers into the machine, and joins each batch norm with its running statistics.
func (t *trainer) bind() error {
	err := t.each(func(machine, state []float32) { copy(machine, state) })
	if err != nil {
		return err
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

// each calls do with the memory of every weight and buffer in the machine and in the state.
func (t *trainer) each(do func(machine, state []float32)) error {
	for i, p := range t.network.Parameters {
		pairs := map[string][]float32{p.Name: t.machine.Values(p.Value)}
		for k, values := range t.optimizer.Buffers(i) {
			pairs[bufferPrefix+t.buffers[k]+"."+p.Name] = values
		}
		for name, values := range pairs {
			stored, err := t.state.floats(name, len(values))
			if err != nil {
				return err
			}
			do(values, stored)
		}
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
		loss, err := t.step(stats.LearningRate, &stats)
		if err != nil {
			return EpochStats{}, err
		}
		stats.Loss += loss / float64(steps)
		correct += t.correct()
		stats.Seconds = time.Since(start).Seconds()
		stats.ViewsPerSecond = float64((step+1)*views) / stats.Seconds
		t.report(step+1, steps, loss, stats.ViewsPerSecond)
	}
	if !t.finiteStatistics() {
		return EpochStats{}, t.diverged(stats.Loss)
	}
	t.state.Epoch++
	stats.Accuracy = float64(correct) / float64(steps*views)
	return stats, nil
}

// step runs the graph once and moves every parameter; it adds to the times in stats.
func (t *trainer) step(rate float64, stats *EpochStats) (loss float64, err error) {
	start := time.Now()
	if err := t.machine.RunAll(); err != nil {
		return 0, fmt.Errorf("run step %d of stage %s: %w", t.state.Step+1, t.state.stage, err)
	}
	stats.GraphSeconds += time.Since(start).Seconds()
	t.state.Step++
	loss = float64(t.machine.Values(t.network.Loss)[0])
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, t.diverged(loss)
	}
	for i, norm := range t.network.Norms {
		t.norms[i].update(t.machine.Values(norm.Node))
	}
	start = time.Now()
	finite, err := t.optimizer.Step(rate, t.state.Step)
	if err != nil {
		return 0, fmt.Errorf("move the parameters in step %d of stage %s: %w", t.state.Step, t.state.stage, err)
	}
	stats.OptimizerSeconds += time.Since(start).Seconds()
	if !finite {
		return 0, t.diverged(loss)
	}
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

// finiteStatistics tells whether all running statistics are finite numbers: the optimiser looks after everything else.
func (t *trainer) finiteStatistics() bool {
	for _, norm := range t.norms {
		if !allFinite(norm.mean) || !allFinite(norm.variance) {
			return false
		}
	}
	return true
}

func (t *trainer) diverged(loss float64) error {
	return &DivergedError{Stage: t.state.stage, Epoch: t.state.Epoch + 1, Step: t.state.Step, Loss: loss}
}

// finish reads weights and buffers back from the machine and hands the state over.
func (t *trainer) finish() (*State, error) {
	err := t.each(func(machine, state []float32) { copy(state, machine) })
	return t.state, err
}

func (t *trainer) close() error { return t.machine.Close() }
