package train

// sgd is stochastic gradient descent with momentum as torch.optim.SGD defines it (dampening 0): weight decay is added to
// the gradient, the learning rate multiplies the momentum buffer when it is used.
type sgd struct {
	momentum float32
	nesterov bool
	decay    float32
}

func (o sgd) buffers() []string {
	if o.momentum == 0 {
		return nil
	}
	return []string{"momentum"}
}

func (o sgd) update(p parameter, rate float64, _ int) {
	decay := o.decay
	if p.excluded {
		decay = 0
	}
	lr := float32(rate)
	if o.momentum == 0 {
		for i, v := range p.value {
			p.value[i] = v - lr*(p.grad[i]+decay*v)
		}
		return
	}
	momentum := p.buffers[0]
	for i, v := range p.value {
		direction := p.grad[i] + decay*v
		momentum[i] = o.momentum*momentum[i] + direction
		if o.nesterov {
			direction += o.momentum * momentum[i]
		} else {
			direction = momentum[i]
		}
		p.value[i] = v - lr*direction
	}
}
