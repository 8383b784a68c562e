package train

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// Reduced rates are those of a spec with a smaller learning rate, in the same bits, and they stay with the state.
func TestReducedRates(t *testing.T) {
	spec, half := tinySpec(experiment.SimCLR), tinySpec(experiment.SimCLR)
	half.Pretrain.Optimizer.LearningRate /= 2
	want, err := NewPretrainState(half)
	require.NoError(t, err)
	got, err := NewPretrainState(spec)
	require.NoError(t, err)
	require.Equal(t, 1., got.RateFactor())
	require.NoError(t, got.ReduceRate(0.5))
	for range 2 {
		pretrain(t, half, want, 1)
		pretrain(t, spec, got, 1)
		require.Equal(t, want.tensors, got.tensors)
		require.Equal(t, want.buffers, got.buffers)
		got, err = ReadState(bytes.NewReader(written(t, got)))
		require.NoError(t, err)
		require.Equal(t, 0.5, got.RateFactor())
	}
	for _, factor := range []float64{0, 1, -1, math.NaN(), math.Inf(1)} {
		require.Error(t, got.ReduceRate(factor))
	}
}

// What happens after a divergence decides nothing before it: a state belongs to the spec with and without the section.
func TestDivergenceSectionIsNoPartOfTheDigest(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	spec.Pretrain.Divergence = &experiment.Divergence{RateFactor: 0.5}
	pretrain(t, spec, s, 1)
	require.Equal(t, 1, s.Epoch)
}

// The failure names what is left to try.
func TestDivergedErrorSaysWhatToTry(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Pretrain.Optimizer.LearningRate, spec.Pretrain.Schedule.WarmupEpochs = 1e30, 0
	spec.Compute.Precision = experiment.Auto
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, onReference)
	for _, part := range []string{
		"lower pretrain.optimizer.learning_rate", "lengthen pretrain.schedule.warmup_epochs", "raise method.temperature",
		"compute.precision to float32", `"divergence: {}" to pretrain`,
	} {
		require.ErrorContains(t, err, part)
	}

	spec.Method.Name, spec.Compute.Precision = experiment.BarlowTwins, experiment.Float32
	spec.Pretrain.Divergence = &experiment.Divergence{RateFactor: 0.5}
	s, err = NewPretrainState(spec)
	require.NoError(t, err)
	require.NoError(t, s.ReduceRate(0.5))
	_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, onReference)
	require.ErrorContains(t, err, "for the second time, with learning rates 0.5 times as large")
	for _, part := range []string{"temperature", "float32", "divergence:"} {
		require.NotContains(t, err.Error(), part)
	}
}
