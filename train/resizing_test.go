package train

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cpu"
	"twinview/experiment"
)

// resizedSpec has epochs on views of 8, of 16 and again of 8 pixels.
func resizedSpec() *experiment.Spec {
	spec := tinySpec(experiment.SimCLR)
	spec.Encoder.Width = 16
	phases := []experiment.ResizingPhase{{Epochs: 1, Size: 8}, {Epochs: 1, Size: 16}}
	spec.Pretrain.ProgressiveResizing, spec.Finetune.ProgressiveResizing = phases, phases
	return spec
}

// Training goes on in the same bits from the checkpoints before and after a change of size, on workers that would have
// chosen another precision; the record of kernels grows with the sizes.
func TestProgressiveResizingResumesExactly(t *testing.T) {
	spec := resizedSpec()
	winograd := cpu.Winograd{Forward: 4, InputGrad: 4, WeightGrad: 4}
	began := cpu.Options{Threads: 1, Winograd: winograd}
	if cpu.Supports(cpu.BFloat16) {
		began.Precision = cpu.BFloat16
	}
	changed := cpu.Options{Threads: 1, Winograd: winograd}
	whole, err := NewPretrainState(spec)
	require.NoError(t, err)
	parts, err := NewPretrainState(spec)
	require.NoError(t, err)
	var kernels []int
	for epoch, want := range []int{8, 16, 8} {
		stats, err := PretrainEpoch(t.Context(), spec, tinyImages(10), whole, Options{Compile: cpu.Compiler(began)})
		require.NoError(t, err)
		require.Equal(t, want, stats.Size)
		require.Equal(t, began.Precision.String(), stats.Kernels["precision"])
		require.Subset(t, whole.kernels, stats.Kernels)
		kernels = append(kernels, len(whole.kernels))

		o := changed
		if epoch == 0 {
			o = began
		}
		parts = reread(t, parts)
		again, err := PretrainEpoch(t.Context(), spec, tinyImages(10), parts, Options{Compile: cpu.Compiler(o)})
		require.NoError(t, err)
		require.Equal(t, stats.Loss, again.Loss)
		require.Equal(t, stats.Kernels, again.Kernels)
		require.Equal(t, written(t, whole), written(t, parts))
	}
	require.Greater(t, kernels[1], kernels[0], "16 pixels bring other convolutions")
	require.Equal(t, kernels[1], kernels[2], "8 pixels have been seen")
}

// An epoch in which an algorithm is forced on a size that comes back runs that algorithm again.
func TestKernelsOfASizeThatComesBack(t *testing.T) {
	spec := resizedSpec()
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	direct := Options{Compile: cpu.Compiler(cpu.Options{Threads: 1})}
	stats, err := PretrainEpoch(t.Context(), spec, tinyImages(10), s, direct)
	require.NoError(t, err)
	first := maps.Clone(stats.Kernels)
	winograd := Options{Compile: cpu.Compiler(cpu.Options{
		Threads: 1, Winograd: cpu.Winograd{Forward: 4, InputGrad: 4, WeightGrad: 4},
	})}
	for range 2 {
		stats, err = PretrainEpoch(t.Context(), spec, tinyImages(10), s, winograd)
		require.NoError(t, err)
	}
	require.Equal(t, 8, stats.Size)
	require.Equal(t, first, stats.Kernels)
}

// The running statistics go on from those of the size before: a step moves them by a tenth of the way.
func TestRunningStatisticsOutliveAChangeOfSize(t *testing.T) {
	spec := resizedSpec()
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	pretrain(t, spec, s, 1)
	shifted := s.clone()
	const name = "bn1.running_mean"
	mean, err := find(shifted.tensors, name)
	require.NoError(t, err)
	for i := range mean.Data {
		mean.Data[i]++
	}
	pretrain(t, spec, s, 1)
	pretrain(t, spec, shifted, 1)
	want, err := find(s.tensors, name)
	require.NoError(t, err)
	mean, err = find(shifted.tensors, name)
	require.NoError(t, err)
	for i := range want.Data {
		require.InDelta(t, want.Data[i]+0.9*0.9, mean.Data[i], 1e-5, "two steps")
	}
	tracked, err := find(s.tensors, "bn1.num_batches_tracked")
	require.NoError(t, err)
	require.Equal(t, []int64{4}, tracked.Int64s)
}

func TestFinetuningWithProgressiveResizing(t *testing.T) {
	spec := resizedSpec()
	pretrained := newPretrained(t, spec)
	whole, err := NewFinetuneState(spec, tinyClasses, pretrained)
	require.NoError(t, err)
	parts := reread(t, whole)
	stats := finetune(t, spec, whole, 3)
	for i, want := range []int{8, 16, 8} {
		require.Equal(t, want, stats[i].Size)
		again := finetune(t, spec, parts, 1)
		require.Equal(t, stats[i].Loss, again[0].Loss)
		parts = reread(t, parts)
	}
	require.Equal(t, written(t, whole), written(t, parts))

	plain := resizedSpec()
	plain.Finetune.ProgressiveResizing = nil
	s, err := NewFinetuneState(plain, tinyClasses, pretrained)
	require.NoError(t, err)
	require.NotEqual(t, s.spec, parts.spec, "the phases decide the outcome")
}
