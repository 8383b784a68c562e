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

func TestDeviceIsOneWorkersAtATime(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	release, err := device("cuda:0").take()
	require.NoError(t, err)
	_, err = device("cuda:0").take()
	require.ErrorContains(t, err, "another worker")
	release()
	release, err = device("cuda:0").take()
	require.NoError(t, err, "nobody has it any more")
	release()
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
