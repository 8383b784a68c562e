package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestCosineSchedule(t *testing.T) {
	s := newSchedule(experiment.Schedule{Name: experiment.Cosine, WarmupEpochs: 2, FinalRate: 0.1}, 0.5, 6, 10)
	for step, want := range map[int]float64{
		0:  0,
		10: 0.25,
		19: 0.475,
		20: 0.5,                 // the warm-up is over
		30: 0.4340990257669732,  // a quarter of the cosine: q = (1+√½)/2
		40: 0.275,               // half: the middle of 0.5 and 0.05
		59: 0.05069359991004621, // the last step
		60: 0.05,                // the final rate
		99: 0.05,                // never below
	} {
		require.InDelta(t, want, s.at(step), 1e-9, "step %d", step)
	}
}

func TestConstantSchedule(t *testing.T) {
	s := newSchedule(experiment.Schedule{Name: experiment.Constant, WarmupEpochs: 0.5}, 0.2, 4, 4)
	require.Equal(t, []float64{0, 0.1, 0.2, 0.2}, []float64{s.at(0), s.at(1), s.at(2), s.at(15)})
}

func TestScheduleWithoutWarmupStartsAtTheRate(t *testing.T) {
	s := newSchedule(experiment.Schedule{Name: experiment.Cosine}, 0.2, 4, 4)
	require.Equal(t, 0.2, s.at(0))
	require.InDelta(t, 0.1, s.at(8), 1e-12)
}

func TestScheduleThatIsAllWarmup(t *testing.T) {
	s := newSchedule(experiment.Schedule{Name: experiment.Cosine, WarmupEpochs: 4}, 0.2, 4, 4)
	require.InDelta(t, 0.2*15/16, s.at(15), 1e-12)
	require.Equal(t, 0.2, s.at(16))
}
