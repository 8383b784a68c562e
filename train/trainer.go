package train

import (
	"cmp"
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

	queue engine.Queue
	// depth is how many steps it may hold, waits are those that it holds: how long each waited for its batch.
	depth int
	waits []float64
	// views are those of a step, last is when the last one ended.
	views int
	last  time.Time

	norms []statistics
	// buffers are the names of the optimiser's.
	buffers []string
	onStep  func(experiment.Heartbeat)
	onStats func(StepStats)
	between func(snapshot func() (*State, error)) error
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
	t := &trainer{
		network: n, machine: machine, schedule: at, state: s, buffers: rule.buffers(),
		onStep: options.OnStep, onStats: options.OnStepStats, between: options.Between,
	}
	t.optimizer, err = moverOf(machine, o, rule, trained(n, o.DecayNorms))
	if err == nil {
		err = t.bind()
	}
	if err == nil {
		t.queue, t.depth, err = queueOf(machine, t.optimizer, n)
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
	err := t.each(t.state, func(machine, state []float32) { copy(machine, state) })
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

// each calls do with the memory of every weight and buffer in the machine and in a state.
func (t *trainer) each(s *State, do func(machine, state []float32)) error {
	for i, p := range t.network.Parameters {
		pairs := map[string][]float32{p.Name: t.machine.Values(p.Value)}
		for k, values := range t.optimizer.Buffers(i) {
			pairs[bufferPrefix+t.buffers[k]+"."+p.Name] = values
		}
		for name, values := range pairs {
			stored, err := s.floats(name, len(values))
			if err != nil {
				return err
			}
			do(values, stored)
		}
	}
	return nil
}

// feed writes the next batch into the queue's leaves.
type feed func(ctx context.Context) error

// epoch takes the steps of one epoch that the state does not have behind it yet, each on views rows. next must feed the
// batch of the first of them first.
func (t *trainer) epoch(ctx context.Context, steps, views int, next feed) (EpochStats, error) {
	if t.state.progress == nil {
		t.state.progress = &progress{Steps: steps}
	}
	p := t.state.progress
	t.views, t.last = views, time.Now()
	for p.Done < steps {
		if ahead := len(t.waits); ahead < t.depth && p.Done+ahead < steps {
			if err := t.wait(ctx, next); err != nil {
				return EpochStats{}, t.interrupted(err)
			}
			if err := t.begin(); err != nil {
				return EpochStats{}, err
			}
			continue
		}
		if err := t.end(); err != nil {
			return EpochStats{}, err
		}
		if err := t.pause(); err != nil {
			return EpochStats{}, err
		}
	}
	if !t.finiteStatistics() {
		return EpochStats{}, t.diverged(p.Loss)
	}
	t.state.Epoch++
	t.state.progress = nil
	return p.stats(views), nil
}

// wait feeds the next batch.
func (t *trainer) wait(ctx context.Context, next feed) error {
	start := time.Now()
	err := ctx.Err()
	if err == nil {
		err = next(ctx)
	}
	if err == nil {
		t.waits = append(t.waits, time.Since(start).Seconds())
	}
	return err
}

// begin begins the step on the batch that was fed last, behind those that the queue holds.
func (t *trainer) begin() error {
	behind := t.state.Step + len(t.waits) - 1
	if err := t.queue.Begin(t.schedule.at(behind), behind+1); err != nil {
		return fmt.Errorf("begin step %d of stage %s: %w", behind+1, t.state.stage, err)
	}
	return nil
}

// end waits for the oldest step of the queue and takes its results in.
func (t *trainer) end() error {
	results, err := t.queue.End()
	if err != nil {
		return fmt.Errorf("run step %d of stage %s: %w", t.state.Step+1, t.state.stage, err)
	}
	p := t.state.progress
	p.LearningRate = t.schedule.at(t.state.Step)
	t.state.Step++
	loss := float64(results.Values(t.network.Loss)[0])
	if !results.Finite || math.IsNaN(loss) || math.IsInf(loss, 0) {
		return t.diverged(loss)
	}
	for i, norm := range t.network.Norms {
		t.norms[i].update(results.Values(norm.Node))
	}
	p.Loss += loss / float64(p.Steps)
	p.Correct += t.correct(results)
	p.Done++
	wait, seconds := t.waits[0], lap(&t.last)
	t.waits = append(t.waits[:0], t.waits[1:]...)
	p.DataWaitSeconds += wait
	p.Seconds += seconds
	t.tell(StepStats{Views: t.views, Seconds: seconds, DataWaitSeconds: wait, Loss: loss, LearningRate: p.LearningRate})
	t.report(loss, p.stats(t.views).ViewsPerSecond)
	return nil
}

// drain ends the steps that the queue holds.
func (t *trainer) drain() error {
	for len(t.waits) > 0 {
		if err := t.end(); err != nil {
			return err
		}
	}
	return nil
}

// pause lets the caller of the epoch take a snapshot.
func (t *trainer) pause() error {
	if t.between == nil {
		return nil
	}
	return t.between(t.snapshot)
}

// interrupted lets the caller take a snapshot before the epoch ends early, for the reason err.
func (t *trainer) interrupted(err error) error {
	if failed := t.drain(); failed != nil {
		return failed
	}
	if t.state.progress.Done == 0 {
		return err
	}
	return cmp.Or(t.pause(), err)
}

// snapshot copies the state as it is when the steps that have begun are done. Its weights and buffers may be on their way yet.
func (t *trainer) snapshot() (*State, error) {
	if err := t.drain(); err != nil {
		return nil, err
	}
	s := t.state.clone()
	var err error
	s.arriving, err = t.copy(s)
	return s, err
}

// copy begins to copy weights and buffers from the machine into a state.
func (t *trainer) copy(s *State) (wait func() error, err error) {
	var from, to [][]float32
	err = t.each(s, func(machine, state []float32) {
		from, to = append(from, machine), append(to, state)
	})
	if err != nil {
		return nil, err
	}
	if wait, err = t.queue.Copy(from, to); err != nil {
		return nil, fmt.Errorf("copy the state behind step %d of stage %s: %w", s.Step, s.stage, err)
	}
	return wait, nil
}

// correct counts the rows of a step that were classified rightly, 0 in a network without a classifier.
func (t *trainer) correct(results engine.Results) int {
	if t.network.Logits == nil {
		return 0
	}
	logits := results.Values(t.network.Logits)
	labels := results.Values(t.network.Labels)
	classes := len(logits) / len(labels)
	count := 0
	for i, label := range labels {
		if argmax(logits[i*classes:(i+1)*classes]) == int(label) {
			count++
		}
	}
	return count
}

func (t *trainer) report(loss, viewsPerSecond float64) {
	if t.onStep == nil {
		return
	}
	t.onStep(experiment.Heartbeat{
		Stage: t.state.stage, Epoch: t.state.Epoch + 1, Step: t.state.progress.Done, Steps: t.state.progress.Steps,
		Loss: loss, ViewsPerSecond: viewsPerSecond,
	})
}

func (t *trainer) tell(s StepStats) {
	if t.onStats == nil {
		return
	}
	s.Stage = t.state.stage
	t.onStats(s)
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

// finish reads weights and buffers back from the machine into the state.
func (t *trainer) finish() (*State, error) {
	wait, err := t.copy(t.state)
	if err != nil {
		return nil, err
	}
	if err := wait(); err != nil {
		return nil, fmt.Errorf("copy the state behind epoch %d of stage %s: %w", t.state.Epoch, t.state.stage, err)
	}
	return t.state, nil
}

func (t *trainer) close() error { return t.machine.Close() }
