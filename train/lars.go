package train

import "math"

// lars is layer-wise adaptive rate scaling (You et al. 2017, algorithm 1) as class LARS of the Barlow Twins reference
// implementation (main.py) computes it: the gradient with weight decay is scaled by trust·‖w‖/‖g + decay·w‖ before it
// enters the momentum buffer, and the learning rate multiplies the buffer. Excluded parameters take neither decay nor
// scaling. Nesterov's step is that of the SimCLR reference implementation (lars_optimizer.py).
type lars struct {
	momentum float32
	nesterov bool
	decay    float32
	trust    float64
}

func (o lars) buffers() []string { return []string{"momentum"} }

func (o lars) update(p parameter, rate float64, _ int) {
	decay, ratio := o.decay, float32(1)
	if p.excluded {
		decay = 0
	} else {
		ratio = o.trustRatio(p)
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
