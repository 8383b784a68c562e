package train

import "math"

// adamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2) as torch.optim.AdamW defines it:
// the decay is multiplied by the learning rate.
type adamW struct {
	betas          [2]float64
	epsilon, decay float64
}

func (o adamW) buffers() []string { return []string{"exp_avg", "exp_avg_sq"} }

func (o adamW) update(p parameter, rate float64, step int) {
	keep := float32(1)
	if !p.excluded {
		keep = float32(1 - rate*o.decay)
	}
	size := float32(rate / (1 - math.Pow(o.betas[0], float64(step))))
	correction := float32(math.Sqrt(1 - math.Pow(o.betas[1], float64(step))))
	weight1, beta2, weight2 := float32(1-o.betas[0]), float32(o.betas[1]), float32(1-o.betas[1])
	epsilon := float32(o.epsilon)
	mean, square := p.buffers[0], p.buffers[1]
	for i, g := range p.grad {
		mean[i] += weight1 * (g - mean[i])
		square[i] = beta2*square[i] + weight2*g*g
		p.value[i] = keep*p.value[i] - size*mean[i]/(float32(math.Sqrt(float64(square[i])))/correction+epsilon)
	}
}
