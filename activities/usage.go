package activities

import (
	"context"
	"time"

	"twinview/experiment"
	"twinview/hardware"
)

// measure begins to measure what an activity takes of this machine. The function it returns says how much that is so far.
func (a *Activities) measure(ctx context.Context) func() *experiment.Usage {
	start := time.Now()
	energy := hardware.MeasureEnergy(ctx, a.Energy...)
	return func() *experiment.Usage {
		u := &experiment.Usage{Hardware: a.Hardware, Seconds: time.Since(start).Seconds(), Joules: energy.Joules()}
		if u.Joules != nil {
			u.EnergyOf = energy.Of()
		}
		return u
	}
}
