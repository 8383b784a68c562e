package main

import (
	"context"
	"fmt"
	"runtime"

	"gorgonia.org/gorgonia"

	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
	"twinview/train"
)

// epochProbe runs whole epochs as a worker does: drawing views, training steps, optimiser.
type epochProbe struct {
	precision precision
	views     int
	steps     int
	spec      *experiment.Spec
	images    dataset.Images
	loss      *lossProbe

	perView, overhead, allocated samples
}

func newEpochProbe(s sizes, p precision) (*epochProbe, error) {
	loss, err := newLossProbe(s, p)
	if err != nil {
		return nil, err
	}
	return &epochProbe{
		precision: p, views: s.Views, steps: s.EpochSteps, spec: s.spec(s.Views / 2), loss: loss,
		images: dataset.DrawSynthetic(1, s.EpochSteps*s.Views/2, 0).Train,
	}, nil
}

func (e *epochProbe) sample(ctx context.Context) error {
	if err := e.loss.sample(ctx); err != nil {
		return err
	}
	state, err := train.NewPretrainState(e.spec)
	if err != nil {
		return fmt.Errorf("make the training state: %w", err)
	}
	var machine engine.Machine
	var computing float64
	var heap uint64
	stats, err := train.PretrainEpoch(ctx, e.spec, e.images, state, train.Options{
		// The machine goes to train as it is: train looks for what a machine can do besides.
		Compile: func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, _ engine.Kernels) (engine.Machine, error) {
			m, err := e.precision.compile(g, outputs)
			machine = m
			return m, err
		},
		OnStep: func(h experiment.Heartbeat) {
			if h.Step > 1 { // the first step follows compilation
				e.allocated.add(float64(allocated() - heap))
			}
			computing = seconds(profileOf(machine))
			heap = allocated()
		},
	})
	if err != nil {
		return fmt.Errorf("train an epoch in %s: %w", e.precision.name, err)
	}
	e.perView.add(1 / stats.ViewsPerSecond)
	loss := e.loss.took[len(e.loss.took)-1] * float64(e.steps)
	e.overhead.add((stats.Seconds - computing + loss) / stats.Seconds)
	return nil
}

func (e *epochProbe) records() ([]record, error) {
	step := e.perView.rate("train_step", "views/s", 1)
	step.Note = "with loading and optimiser"
	overhead := e.overhead.plain("step_overhead", "fraction")
	overhead.Note = "waiting for data, loss, optimiser"
	allocated := e.allocated.plain("allocation", "bytes/step")
	allocated.Note = "on Go's heap"
	records := []record{step, overhead, allocated}
	for i := range records {
		records[i].Precision, records[i].Views = e.precision.name, e.views
	}
	return records, nil
}

func (e *epochProbe) close() error { return e.loss.close() }

// allocated is what Go's heap has handed out since the program began.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
