package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// asProgram in the environment makes this test binary the program: it starts itself.
const asProgram = "TWINVIEW_TEST_AS_BENCH"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestQuickRunMeasuresEverything(t *testing.T) {
	records := runBench(t, "--quick")
	names := []string{
		"train", "conv_bound", "train_to_bound", "train_step", "step_overhead", "step_share", "inference", "layer",
	}
	if runtime.GOOS == "linux" {
		names = append(names, "peak_memory")
	}
	for _, p := range nativePrecisions(quick) {
		for _, name := range names {
			r := find(records, name, p.name)
			require.NotNil(t, r, "%s in %s", name, p.name)
			require.Positive(t, r.Value, "%s in %s", name, p.name)
			require.NotEmpty(t, r.Unit, name)
		}
		require.NotNil(t, find(records, "allocation", p.name), "allocation in %s", p.name) // a step may allocate nothing
	}
	require.Positive(t, find(records, "augment", "").Value)
}

// runBench runs the command and reads the lines of its standard output.
func runBench(t *testing.T, arguments ...string) []record {
	t.Helper()
	t.Setenv(asProgram, "1")
	var out, log bytes.Buffer
	c := newCommand()
	c.SetArgs(arguments)
	c.SetOut(&out)
	c.SetErr(&log)
	require.NoError(t, c.ExecuteContext(t.Context()), "%s", &log)
	var records []record
	for line := range bytes.Lines(out.Bytes()) {
		var r record
		require.NoError(t, json.Unmarshal(line, &r), "%s", line)
		records = append(records, r)
	}
	for _, r := range records {
		if r.Name == "layer" {
			require.Contains(t, log.String(), r.Layer)
		} else {
			require.Contains(t, log.String(), r.Name)
		}
	}
	return records
}

// TestLayers counts ResNet-18's convolutions and the arithmetic that is known of it: 0.56 billion multiplications an
// image of CIFAR-10.
func TestLayers(t *testing.T) {
	s := full
	s.Views = 4
	n, err := s.pretraining()
	require.NoError(t, err)
	layers, counts := layersOf(n)
	convolutions, stems, flops := 0, 0, 0.0
	for _, l := range layers {
		convolutions += counts[l]
		flops += float64(counts[l]) * l.flops() / float64(s.Views)
		if l.stem {
			stems += counts[l]
			require.NotContains(t, l.directions(), inputGrad)
		}
	}
	require.Equal(t, 20, convolutions)
	require.Equal(t, 1, stems)
	require.InDelta(t, 2*0.556e9, flops, 0.01e9)
}

func TestRefusesSizesThatCannotBeMeasured(t *testing.T) {
	for _, arguments := range [][]string{{"--views", "5"}, {"--views", "2"}, {"--repetitions", "0"}} {
		c := newCommand()
		c.SetArgs(arguments)
		require.ErrorContains(t, c.Execute(), arguments[0])
	}
}
