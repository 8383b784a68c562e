package experiment

import (
	"fmt"
	"slices"
)

// PretrainPlan is a number of epochs that pretraining was to have, until that was changed while it ran.
type PretrainPlan struct {
	// Until is the last epoch that was trained under it, counted from 1.
	Until int `yaml:"until" json:"until"`
	// Epochs is the number that were planned.
	Epochs int `yaml:"epochs" json:"epochs"`
}

// In is pretraining as it was planned when the epoch of that number, counted from 1, was trained: the learning rate of its
// steps follows the schedule over Epochs of what is returned.
func (p Pretrain) In(epoch int) Pretrain {
	for i, earlier := range p.EarlierPlans {
		if epoch <= earlier.Until {
			p.Epochs = earlier.Epochs
			p.EarlierPlans = slices.Clip(p.EarlierPlans[:i])
			break
		}
	}
	if len(p.EarlierPlans) == 0 {
		p.EarlierPlans = nil // so that equal plans are equal values
	}
	return p
}

// Replanned has so many epochs in all, and the first done of them as they were planned when they were trained.
func (p Pretrain) Replanned(done, epochs int) Pretrain {
	if done == 0 {
		p.Epochs, p.EarlierPlans = epochs, nil
		return p
	}
	p = p.In(done)
	if p.Epochs != epochs {
		p.EarlierPlans = append(slices.Clip(p.EarlierPlans), PretrainPlan{done, p.Epochs})
	}
	p.Epochs = epochs
	return p
}

// After has the plans under which these epochs, the first ones, were trained, and the last of them from then on.
func (p Pretrain) After(epochs []PretrainEpoch) Pretrain {
	for _, e := range epochs {
		if e.Planned > 0 && e.Planned != p.In(e.Epoch).Epochs {
			p = p.Replanned(e.Epoch-1, e.Planned)
		}
	}
	return p
}

// checkPlans checks the plans that were changed, and what else of p depends on the number of epochs.
func (p Pretrain) checkPlans(c *checker) {
	last := 0
	for i, earlier := range p.EarlierPlans {
		path := fmt.Sprintf("pretrain.earlier_plans[%d]", i)
		c.whole(path+".epochs", earlier.Epochs, 1, maxPretrainEpochs, "")
		p.Schedule.check(c, "pretrain.schedule", earlier.Epochs)
		if earlier.Until <= last || earlier.Until > earlier.Epochs || earlier.Until >= p.Epochs {
			c.complain(path+".until", earlier.Until, "ends no plan: must be greater than %d, at most %s.epochs, which is %d, and "+
				"less than pretrain.epochs, which is %d", last, path, earlier.Epochs, p.Epochs)
		}
		last = earlier.Until
	}
}
