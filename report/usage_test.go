package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/hardware"
)

func TestEnergyNote(t *testing.T) {
	gpu, processors := hardware.GPU, hardware.Processors
	epoch := func(of ...string) experiment.PretrainEpoch {
		return experiment.PretrainEpoch{Usage: &experiment.Usage{Joules: new(1.), EnergyOf: of}}
	}
	for want, epochs := range map[string][]experiment.PretrainEpoch{
		"not measured": {{}},
		"not readable": {{Usage: &experiment.Usage{}}},
		"that of processors and memory by RAPL, ": {epoch(), epoch(processors)},
		"that of the GPU alone by NVML":           {epoch(gpu), epoch(gpu)},
		"the GPU by NVML, and of processors":      {epoch(gpu, processors)},
		"does not add up":                         {epoch(gpu), epoch(gpu, processors)},
	} {
		require.Contains(t, energyNote(&experiment.Result{Pretrain: epochs}), want)
	}
	s := stage{usages: []*experiment.Usage{epoch(gpu).Usage, epoch(processors).Usage}}
	_, ok := s.joules()
	require.False(t, ok, "the sum would be of neither")
}
