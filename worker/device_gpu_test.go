//go:build gpu

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/experiment"
	"twinview/model"
)

func TestMissingGPU(t *testing.T) {
	c := newCommand()
	c.SetArgs([]string{"--device", "cuda:99"})
	require.ErrorContains(t, c.ExecuteContext(t.Context()), "there is no device cuda:99")
}

func TestDefaultsRunOnTheGPU(t *testing.T) {
	spec := experiment.Default()
	spec.Encoder.Width = 16
	n, err := model.NewEncoder(spec.Encoder, model.Options{Batch: 2, Size: 8})
	require.NoError(t, err)
	m, err := options{device: "cuda:0", cache: t.TempDir()}.compiler(spec.Compute)(n.Graph, gorgonia.Nodes{n.Features}, nil)
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, m.RunAll())
	require.Equal(t, "cuda", m.Kernels()["engine"])
	require.Equal(t, "bfloat16", m.Kernels()["precision"])
}
