package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cpu"
	"twinview/experiment"
)

// pretrained takes 200 steps of SimCLR and returns the mean loss and the state.
func pretrained(t *testing.T, seed uint64, o cpu.Options) (loss float64, state []byte) {
	t.Helper()
	const epochs, stepsPerEpoch, batchSize = 10, 20, 16
	spec := tinySpec(experiment.SimCLR)
	spec.Seed = seed
	spec.Encoder.Width = 16
	spec.Pretrain.Epochs, spec.Pretrain.BatchSize = epochs, batchSize
	spec.Pretrain.Optimizer.LearningRate = 0.01
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	o.Threads = 1
	for range epochs {
		stats, err := PretrainEpoch(t.Context(), spec, tinyImages(stepsPerEpoch*batchSize), s, Options{Compile: cpu.Compiler(o)})
		require.NoError(t, err)
		loss += stats.Loss / epochs
	}
	return loss, written(t, s)
}

// TestPrecisionsTrainAlike: the losses of bfloat16 are within 2 % of those of float32, by all algorithms. Training in small
// amplifies any rounding, by another algorithm in float32 too, so the means of three seeds are compared.
func TestPrecisionsTrainAlike(t *testing.T) {
	if !cpu.Supports(cpu.BFloat16) {
		t.Skip("this CPU has no instructions for bfloat16")
	}
	mean := func(o cpu.Options) (loss float64) {
		for seed := range uint64(3) {
			l, _ := pretrained(t, seed, o)
			loss += l / 3
		}
		return loss
	}
	want := mean(cpu.Options{})
	for _, tile := range []int{0, 2, 4} {
		got := mean(cpu.Options{
			Precision: cpu.BFloat16, Winograd: cpu.Winograd{Forward: tile, InputGrad: tile, WeightGrad: tile},
		})
		t.Logf("tile %d: %.4f, float32 %.4f", tile, got, want)
		require.InEpsilon(t, want, got, 0.02, "tile %d", tile)
	}
}

// TestBFloat16RunsAreIdentical compares the bits of two trainings.
func TestBFloat16RunsAreIdentical(t *testing.T) {
	if !cpu.Supports(cpu.BFloat16) {
		t.Skip("this CPU has no instructions for bfloat16")
	}
	o := cpu.Options{Precision: cpu.BFloat16, Winograd: cpu.Winograd{Forward: 4, InputGrad: 4, WeightGrad: 4}}
	_, first := pretrained(t, 1, o)
	_, second := pretrained(t, 1, o)
	require.Equal(t, first, second)
}

// TestResumedElsewhere: an epoch goes on with the kernels in which the training began, though the worker's own choice has
// changed, and the checkpoint carries them.
func TestResumedElsewhere(t *testing.T) {
	if !cpu.Supports(cpu.BFloat16) {
		t.Skip("this CPU has no instructions for bfloat16")
	}
	spec := tinySpec(experiment.SimCLR)
	spec.Encoder.Width = 16
	began := Options{Compile: cpu.Compiler(cpu.Options{Threads: 1, Precision: cpu.BFloat16})}
	changed := Options{Compile: cpu.Compiler(cpu.Options{Threads: 1})}
	train := func(second Options) []byte {
		s, err := NewPretrainState(spec)
		require.NoError(t, err)
		_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, began)
		require.NoError(t, err)
		s = reread(t, s)
		require.Equal(t, "bfloat16", s.kernels["precision"])
		_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, second)
		require.NoError(t, err)
		return written(t, s)
	}
	require.Equal(t, train(began), train(changed))
}
