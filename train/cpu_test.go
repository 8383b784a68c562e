package train

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/experiment"
)

// The CPU engine follows the reference machine through whole epochs, and repeats itself bit for bit.
func TestEpochsOnTheCPUEngine(t *testing.T) {
	for _, method := range []string{experiment.SimCLR, experiment.BarlowTwins} {
		t.Run(method, func(t *testing.T) {
			spec := tinySpec(method)
			spec.Pretrain.BatchSize = 6 // batch norm over fewer values magnifies rounding
			reference, want := pretrainOn(t, engine.Reference, spec)
			fast, got := pretrainOn(t, onCPU.Compile, spec)
			require.InDeltaSlice(t, want, got, 1e-3)

			again, _ := pretrainOn(t, onCPU.Compile, spec)
			require.Equal(t, written(t, fast), written(t, again))

			features := func(compile engine.Compiler) []float32 {
				x, err := Features(t.Context(), spec, tinyImages(6), reference, Options{Compile: compile})
				require.NoError(t, err)
				return x
			}
			requireClose(t, features(engine.Reference), features(onCPU.Compile))
		})
	}
}

// requireClose compares relative to the largest value: running statistics that have not settled make features large.
func requireClose(t *testing.T, want, got []float32) {
	t.Helper()
	largest := max(slices.Max(want), -slices.Min(want))
	require.InDeltaSlice(t, want, got, 1e-4*float64(largest))
}

// pretrainOn returns the state after one epoch and the loss of each of its steps.
func pretrainOn(t *testing.T, compile engine.Compiler, spec *experiment.Spec) (*State, []float64) {
	t.Helper()
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	var losses []float64
	record := func(h experiment.Heartbeat) { losses = append(losses, h.Loss) }
	_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, Options{Compile: compile, OnStep: record})
	require.NoError(t, err)
	return s, losses
}

func TestFinetuningOnTheCPUEngine(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Finetune.BatchSize = 6
	spec.Finetune.Optimizer.LearningRate = 0.01
	pretrained := newPretrained(t, spec)
	run := func(compile engine.Compiler) []float64 {
		s, err := NewFinetuneState(spec, tinyClasses, pretrained)
		require.NoError(t, err)
		stats, err := FinetuneEpoch(t.Context(), spec, tinyImages(12), s, Options{Compile: compile})
		require.NoError(t, err)
		score, err := Score(t.Context(), spec, tinyClasses, tinyImages(6), s, Options{Compile: compile})
		require.NoError(t, err)
		return []float64{stats.Loss, stats.Accuracy, score.Loss, score.Accuracy}
	}
	require.InDeltaSlice(t, run(engine.Reference), run(onCPU.Compile), 1e-3)
}
