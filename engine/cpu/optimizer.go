package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"unsafe"

	"twinview/engine"
	"twinview/experiment"
)

// optimizer is the table of parameters that the kernels of optimizer.cc work on, and the buffers, outside Go's heap.
type optimizer struct {
	caller
	table   *C.tv_optimizer
	memory  []float32 // of all buffers
	buffers [][][]float32

	// A step's arguments and result, which pass through fields so that it allocates nothing.
	rate   float64
	step   int
	finite bool
	run    func() error
}

// NewOptimizer implements engine.Optimizing.
func (m *machine) NewOptimizer(o experiment.Optimizer, parameters []engine.Parameter) (engine.Optimizer, error) {
	count, kernel, err := ruleOf(o)
	if err != nil {
		return nil, fmt.Errorf("optimise on the CPU: %w", err)
	}
	made := &optimizer{caller: m.caller}
	if err := made.place(m, parameters, count); err != nil {
		return nil, fmt.Errorf("optimise on the CPU: %w", err)
	}
	made.run = func() error {
		made.finite = kernel(made) != 0
		return nil
	}
	m.optimizers = append(m.optimizers, made)
	return made, nil
}

// ruleOf returns the number of buffers that a rule keeps for each parameter, and the kernel of one step.
func ruleOf(o experiment.Optimizer) (buffers int, kernel func(*optimizer) C.int, err error) {
	decay, momentum, nesterov := C.double(o.WeightDecay), C.double(o.Momentum), C.int(0)
	if o.Nesterov {
		nesterov = 1
	}
	switch o.Name {
	case experiment.SGD:
		if o.Momentum != 0 {
			buffers = 1
		}
		return buffers, func(s *optimizer) C.int {
			return C.tv_sgd(s.table, C.double(s.rate), decay, momentum, nesterov)
		}, nil
	case experiment.LARS:
		trust, excludedRate := C.double(o.TrustCoefficient), C.double(o.ExcludedRate())
		return 1, func(s *optimizer) C.int {
			return C.tv_lars(s.table, C.double(s.rate), decay, momentum, nesterov, trust, excludedRate)
		}, nil
	case experiment.AdamW:
		beta1, beta2, epsilon := C.double(o.Betas[0]), C.double(o.Betas[1]), C.double(o.Epsilon)
		return 2, func(s *optimizer) C.int {
			return C.tv_adamw(s.table, C.double(s.rate), decay, beta1, beta2, epsilon, C.int64_t(s.step))
		}, nil
	}
	return 0, nil, fmt.Errorf("unknown optimiser %q", o.Name)
}

// place finds each parameter's memory and gives it buffers, all in one piece.
func (o *optimizer) place(m *machine, parameters []engine.Parameter, buffers int) error {
	total := 0
	for _, p := range parameters {
		value, grad := m.Values(p.Value), m.Values(p.Grad)
		if len(value) != len(grad) {
			return fmt.Errorf("parameter %q has %d values and %d gradients", p.Value.Name(), len(value), len(grad))
		}
		total += buffers * padded(len(value))
	}
	memory, err := allocate(max(total, alignment))
	if err != nil {
		return err
	}
	o.memory = memory
	table := make([]C.tv_parameter, len(parameters))
	for i, p := range parameters {
		value := m.Values(p.Value)
		table[i] = C.tv_parameter{value: floats(value), grad: floats(m.Values(p.Grad)), length: C.int64_t(len(value))}
		if p.Excluded {
			table[i].excluded = 1
		}
		kept := make([][]float32, buffers)
		for b := range kept {
			kept[b], memory = memory[:len(value):len(value)], memory[padded(len(value)):]
			table[i].buffers[b] = floats(kept[b])
		}
		o.buffers = append(o.buffers, kept)
	}
	o.table = C.tv_optimizer_new(unsafe.SliceData(table), C.int64_t(len(table)))
	return nil
}

// Buffers implements engine.Optimizer.
func (o *optimizer) Buffers(i int) [][]float32 { return o.buffers[i] }

// Step implements engine.Optimizer.
func (o *optimizer) Step(rate float64, step int) (finite bool, err error) {
	o.rate, o.step = rate, step
	err = o.compute(o.run)
	return o.finite, err
}

func (o *optimizer) free() {
	C.tv_optimizer_free(o.table)
	free(o.memory)
}
