package train

import (
	"math"

	"twinview/experiment"
)

// schedule gives the learning rate of every step: linear warm-up from 0, then constant or half a cosine down to the final
// rate, as adjust_learning_rate of the Barlow Twins reference implementation (main.py) does. The warm-up is that of Goyal
// et al. 2017 (section 2.2), the cosine that of Loshchilov and Hutter 2017 (eq. 5) without restarts.
type schedule struct {
	name        string
	rate, final float64
	// warmup and total are numbers of steps; warmup need not be whole.
	warmup, total float64
}

func newSchedule(s experiment.Schedule, rate float64, epochs, stepsPerEpoch int) schedule {
	return schedule{
		name:   s.Name,
		rate:   rate,
		final:  s.FinalRate * rate,
		warmup: s.WarmupEpochs * float64(stepsPerEpoch),
		total:  float64(epochs) * float64(stepsPerEpoch),
	}
}

// at returns the learning rate of a step, counted from 0 at the beginning of training.
func (s schedule) at(step int) float64 {
	t := float64(step)
	if t < s.warmup {
		return s.rate * t / s.warmup
	}
	if s.name == experiment.Constant || s.total <= s.warmup {
		return s.rate
	}
	progress := min((t-s.warmup)/(s.total-s.warmup), 1)
	q := 0.5 * (1 + math.Cos(math.Pi*progress))
	return s.rate*q + s.final*(1-q)
}
