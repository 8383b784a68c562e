package train

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunningStatisticsMatchPyTorch(t *testing.T) {
	golden := readGolden(t).BatchNorm
	s := statistics{
		mean: make([]float32, 3), variance: []float32{1, 1, 1}, batches: []int64{0}, count: golden.Count,
	}
	for _, step := range golden.Steps {
		s.update(slices.Concat(step.Mean, step.BiasedVariance))
		require.InDeltaSlice(t, step.RunningMean, s.mean, 1e-6)
		require.InDeltaSlice(t, step.RunningVar, s.variance, 1e-6)
	}
	require.Equal(t, int64(len(golden.Steps)), s.batches[0])
}
