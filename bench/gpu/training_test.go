//go:build gpu

package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/bench/gpu/peer"
	"twinview/bench/gpu/result"
)

// Without PyTorch: both ways to train, after the epoch before the rounds and after each, and where the time of a step goes.
func TestTrainingTellsEachRound(t *testing.T) {
	o := &options{quick: true, spec: "../../configs/simclr-100.yaml"}
	var out bytes.Buffer
	require.NoError(t, o.contest(t.Context(), peer.Settings{Keep: 2, Limit: time.Minute}, 2, &out, io.Discard))
	var figures []result.Figure
	lines := bytes.Count(out.Bytes(), []byte("\n"))
	written, err := result.Read(&out)
	require.NoError(t, err)
	for _, f := range written {
		figures = result.Add(figures, f)
	}
	require.Len(t, figures, 12)
	require.Equal(t, 3*len(figures), lines)
	for _, way := range []string{"train", "train_measured"} {
		seconds := map[string]float64{}
		for _, f := range figures {
			require.Equal(t, 2, f.Rounds, f.Name)
			if f.Of == way {
				seconds[f.Name] = f.Value * map[string]float64{"ms": 1e-3, "µs": 1e-6}[f.Unit]
			}
		}
		// The loader waits for nobody here, so that a step is in the calls, whether the device waits in Begin or in End.
		require.InDelta(t, seconds["step"], seconds["fill"]+seconds["begin"]+seconds["end"], 0.5*seconds["step"])
	}
}
