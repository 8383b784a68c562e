package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/engine/cpu"
	"twinview/experiment"
	"twinview/model"
)

// TestDefaultsRunOnAnyCPU compiles what a spec gets that says nothing of computing.
func TestDefaultsRunOnAnyCPU(t *testing.T) {
	spec := experiment.Default()
	spec.Encoder.Width = 16
	n, err := model.NewEncoder(spec.Encoder, model.Options{Batch: 2, Size: 8})
	require.NoError(t, err)
	m, err := options{cache: t.TempDir()}.compiler(spec.Compute)(n.Graph, gorgonia.Nodes{n.Features}, nil)
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, m.RunAll())
	want := cpu.Float32
	if cpu.Supports(cpu.BFloat16) {
		want = cpu.BFloat16
	}
	require.Equal(t, want.String(), m.Kernels()["precision"])
}

func TestWinogradOfSpec(t *testing.T) {
	for _, p := range []cpu.Precision{cpu.Float32, cpu.BFloat16} {
		require.Equal(t, cpu.Winograd{}, winograd(experiment.None, p))
		require.Equal(t, cpu.Winograd{}, winograd("", p))
		require.Equal(t, cpu.Winograd{Forward: 2, InputGrad: 2, WeightGrad: 2}, winograd(experiment.Winograd2x2, p))
		require.Equal(t, cpu.Winograd{Forward: 4, InputGrad: 4, WeightGrad: 4}, winograd(experiment.Winograd4x4, p))
	}
	require.Equal(t, winograd(experiment.Winograd4x4, cpu.Float32), winograd(experiment.Auto, cpu.Float32))
}
