package train

import (
	"math"

	"twinview/experiment"
)

// lars is layer-wise adaptive rate scaling (You et al. 2017, algorithm 1) as class LARS of the Barlow Twins reference
// implementation (main.py) computes it: the gradient with weight decay is scaled by trust·‖w‖/‖g + decay·w‖ before it
// enters the momentum buffer, and the learning rate multiplies the buffer. Excluded parameters take neither decay nor
// scaling, and have a learning rate of their own where the spec says so. Nesterov's step is that of the SimCLR reference implementation (lars_optimizer.py).
type lars struct {
	momentum float32
	nesterov bool
	decay    float32
	trust    float64
	// excludedRate is the learning rate of excluded parameters as a part of that of all others.
	excludedRate float32
}

func newLARS(o experiment.Optimizer) lars {
	return lars{
		momentum: float32(o.Momentum), nesterov: o.Nesterov, decay: float32(o.WeightDecay), trust: o.TrustCoefficient,
		excludedRate: float32(o.ExcludedRate()),
	}
}

func (o lars) buffers() []string { return []string{"momentum"} }

func (o lars) update(p parameter, rate float64, _ int) {
	decay, ratio := float32(0), o.excludedRate
	if !p.excluded {
		decay, ratio = o.decay, o.trustRatio(p)
	}
	lr, momentum := float32(rate), p.buffers[0]
	for i, v := range p.value {
		direction := ratio * (p.grad[i] + decay*v)
		momentum[i] = o.momentum*momentum[i] + direction
		if o.nesterov {
			direction += o.momentum * momentum[i]
		} else {
			direction = momentum[i]
		}
		p.value[i] = v - lr*direction
	}
}

// trustRatio is 1 where either norm is zero. The sums run in a fixed order, in float64.
func (o lars) trustRatio(p parameter) float32 {
	var weights, updates float64
	for i, v := range p.value {
		u := p.grad[i] + o.decay*v
		weights += float64(v) * float64(v)
		updates += float64(u) * float64(u)
	}
	if weights == 0 || updates == 0 {
		return 1
	}
	return float32(o.trust * math.Sqrt(weights/updates))
}
