package train

import (
	"fmt"

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
	name string
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
		return lars{
			momentum: float32(o.Momentum), nesterov: o.Nesterov, decay: float32(o.WeightDecay), trust: o.TrustCoefficient,
		}, nil
	case experiment.AdamW:
		return adamW{betas: o.Betas, epsilon: o.Epsilon, decay: o.WeightDecay}, nil
	default:
		return nil, fmt.Errorf("optimizer.name: unknown optimiser %q: use %s, %s or %s",
			o.Name, experiment.SGD, experiment.LARS, experiment.AdamW)
	}
}
