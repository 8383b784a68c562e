package train

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"twinview/engine/cpu"
	"twinview/experiment"
)

// TestPrecisionsTrainAlike takes 200 steps from one seed: the losses of bfloat16 stay within 2 % of those of float32, by all
// algorithms, and two equal runs end in the same bits. Single steps differ more, in float32 with another algorithm too.
func TestPrecisionsTrainAlike(t *testing.T) {
	if !cpu.Supports(cpu.BFloat16) {
		t.Skip("this CPU has no instructions for bfloat16")
	}
	const epochs, stepsPerEpoch, batchSize = 10, 20, 16
	images := tinyImages(stepsPerEpoch * batchSize)
	run := func(o cpu.Options) (losses []float64, state []byte) {
		spec := tinySpec(experiment.SimCLR)
		spec.Encoder.Width = 16
		spec.Pretrain.Epochs, spec.Pretrain.BatchSize = epochs, batchSize
		spec.Pretrain.Optimizer.LearningRate = 0.01
		s, err := NewPretrainState(spec)
		require.NoError(t, err)
		o.Threads = 1
		for range epochs {
			stats, err := PretrainEpoch(t.Context(), spec, images, s, Options{Compile: cpu.Compiler(o)})
			require.NoError(t, err)
			losses = append(losses, stats.Loss)
		}
		return losses, written(t, s)
	}
	want, _ := run(cpu.Options{})
	for _, tile := range []int{0, 2, 4} {
		o := cpu.Options{Precision: cpu.BFloat16, Winograd: cpu.Winograd{Forward: tile, InputGrad: tile, WeightGrad: tile}}
		got, state := run(o)
		again, same := run(o)
		require.Equal(t, got, again)
		require.Equal(t, state, same)
		const half = epochs / 2
		for _, part := range [][2]int{{0, half}, {half, epochs}} {
			mean, wanted := stat.Mean(got[part[0]:part[1]], nil), stat.Mean(want[part[0]:part[1]], nil)
			t.Logf("tile %d, epochs %v: %.4f, float32 %.4f", tile, part, mean, wanted)
			require.InEpsilon(t, wanted, mean, 0.02, "tile %d, epochs %v", tile, part)
		}
	}
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
		require.Equal(t, "bfloat16", s.Kernels()["precision"])
		_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, second)
		require.NoError(t, err)
		return written(t, s)
	}
	require.Equal(t, train(began), train(changed))
}
