package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cpu"
	"twinview/experiment"
)

func TestWinogradOfSpec(t *testing.T) {
	for _, p := range []cpu.Precision{cpu.Float32, cpu.BFloat16} {
		require.Equal(t, cpu.Winograd{}, winograd(experiment.None, p))
		require.Equal(t, cpu.Winograd{Forward: 2, InputGrad: 2, WeightGrad: 2}, winograd(experiment.Winograd2x2, p))
		require.Equal(t, cpu.Winograd{Forward: 4, InputGrad: 4, WeightGrad: 4}, winograd(experiment.Winograd4x4, p))
	}
	require.Equal(t, winograd(experiment.Winograd4x4, cpu.Float32), winograd(experiment.Auto, cpu.Float32))
}
