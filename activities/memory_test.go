package activities

import (
	"testing"

	"gorgonia.org/gorgonia"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/experiment"
)

// A batch that does not fit into the device's memory is the spec's fault where nothing has been trained yet. Later the experiment
// waits: what it has done fitted somewhere.
func TestBatchTooLargeForTheDevice(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	small := newActivities(t, s)
	small.Compile = func(experiment.Compute) engine.Compiler {
		return func(*gorgonia.ExprGraph, gorgonia.Nodes, engine.Kernels) (engine.Machine, error) {
			return nil, &engine.MemoryError{Device: "cuda:0", Rows: 2 * in.Spec.Pretrain.BatchSize, Fits: 5}
		}
	}
	_, err := run[experiment.PretrainEpoch](t, small, experiment.ActivityPretrainEpoch, in)
	requireType(t, err, experiment.ErrorBadSpec, false)
	require.ErrorContains(t, err, "pretrain.batch_size: ")
	require.ErrorContains(t, err, "lower it to 2")

	first := pretrainOn(t, newActivities(t, s), in)
	in.Epoch, in.From = 2, &first.Checkpoint
	_, err = run[experiment.PretrainEpoch](t, small, experiment.ActivityPretrainEpoch, in)
	requireType(t, err, errorMemory, true)
	require.ErrorContains(t, err, "lower it to 2")
}
