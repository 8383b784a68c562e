package experiment

import "fmt"

func (o Optimizer) check(c *checker, path string) {
	c.oneOf(path+".name", o.Name, SGD, LARS, AdamW)
	c.real(path+".learning_rate", o.LearningRate, positive, "")
	c.real(path+".weight_decay", o.WeightDecay, span{low: 0, high: 10}, "")
	momentum := o.Name == SGD || o.Name == LARS
	c.used(momentum, path+".momentum", o.Momentum, span{low: 0, high: 1, openHigh: true})
	if momentum && o.Nesterov && o.Momentum == 0 {
		c.complain(path+".nesterov", o.Nesterov, "needs momentum: set %s.momentum above 0 or nesterov to false", path)
	}
	c.used(o.Name == LARS, path+".trust_coefficient", o.TrustCoefficient, span{low: 0, high: 1, openLow: true})
	c.used(o.Name == LARS, path+".bias_learning_rate", o.BiasLearningRate, span{low: 0, high: positive.high})
	for i, beta := range o.Betas {
		c.used(o.Name == AdamW, fmt.Sprintf("%s.betas[%d]", path, i), beta, span{low: 0, high: 1, openHigh: true})
	}
	c.used(o.Name == AdamW, path+".epsilon", o.Epsilon, span{low: 0, high: 1, openLow: true})
}

func (s Schedule) check(c *checker, path string, epochs int) {
	c.oneOf(path+".name", s.Name, Cosine, Constant)
	c.real(path+".warmup_epochs", s.WarmupEpochs, span{low: 0, high: float64(max(0, epochs))}, "it is part of the epochs")
	c.must(path+".warmup_epochs", "0 to the number of epochs")
	c.real(path+".final_rate", s.FinalRate, span{low: 0, high: 1}, "a fraction of the learning rate")
}
