package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPeer runs where there is a Python with PyTorch.
func TestPeer(t *testing.T) {
	python := os.Getenv("TWINVIEW_PYTHON")
	if python == "" {
		python = "python3"
	}
	if exec.Command(python, "-c", "import torch, torchvision").Run() != nil {
		t.Skipf("%s has no PyTorch", python)
	}
	records := runBench(t, "peer", "--quick", "--python", python, "--script", "peer.py",
		"--mode", "eager, channels last", "--mode", "eager, bfloat16 weights, channels last")
	for _, name := range []string{"train", "pytorch", "pytorch_best", "train_to_pytorch", "train_step_to_pytorch"} {
		r := find(records, name, "float32")
		require.NotNil(t, r, name)
		require.Positive(t, r.Value, name)
	}
}

func TestOwnServerTakesSteps(t *testing.T) {
	t.Setenv(asProgram, "1")
	s, err := startOwn(t.Context(), quick, precisions[0])
	require.NoError(t, err)
	require.NoError(t, s.step())
	require.NoError(t, s.step())
	require.NoError(t, s.update())
	require.NoError(t, s.Close())
	require.Len(t, s.took, 2)
	require.Positive(t, s.updates.median())
	require.Positive(t, s.took.median())
	require.Positive(t, s.Parameters)
}

// fakeServer takes steps of always the same length.
func fakeServer(t *testing.T, seconds float64) *steps {
	t.Helper()
	script := fmt.Sprintf(`echo '{"parameters": 1}'; while read -r line; do echo '{"seconds": %g}'; done`, seconds)
	s, err := startServer(fmt.Sprint(seconds), exec.Command("sh", "-c", script))
	require.NoError(t, err)
	return s
}

func TestContestKeepsTheFastest(t *testing.T) {
	c := &contest{precision: precisions[0], ours: fakeServer(t, 2)}
	for _, seconds := range []float64{4, 8, 5, 6} {
		require.NoError(t, c.try(fakeServer(t, seconds), 2))
	}
	require.NoError(t, rounds(t.Context(), []*contest{c}, 3, io.Discard))
	require.NoError(t, c.close())

	records := c.records(20)
	best := find(records, "pytorch_best", "float32")
	require.Equal(t, 5.0, best.Value)
	require.Equal(t, "4", best.Mode)
	require.Equal(t, 2.0, find(records, "train_to_pytorch", "float32").Value)
	var table bytes.Buffer
	require.NoError(t, writeTable(&table, records))
	require.Contains(t, table.String(), "6: dropped after its first steps")
}

func TestContestRefusesAnotherNetwork(t *testing.T) {
	c := &contest{precision: precisions[0], ours: fakeServer(t, 1)}
	c.ours.Parameters = 2
	require.ErrorContains(t, c.try(fakeServer(t, 1), 1), "the networks differ")
	require.NoError(t, c.close())
}

func TestServerThatFailsSaysWhy(t *testing.T) {
	_, err := startServer("PyTorch", exec.Command("sh", "-c", "echo out of memory >&2; exit 1"))
	require.ErrorContains(t, err, "out of memory")
}

func TestMedian(t *testing.T) {
	require.Equal(t, 2.0, samples{3, 1, 2}.median())
	require.Equal(t, 2.5, samples{4, 1, 2, 3}.median())
}
