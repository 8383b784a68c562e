package train

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"twinview/dataset"
	"twinview/engine"
	"twinview/experiment"
)

// A batch of pretraining has as many rows in the network as it has views: the error counts images, as the spec does.
func TestShortageOfMemoryIsSaidInTermsOfTheSpec(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Augment.Views = 3
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	before := written(t, s)
	fits, images := 0, tinyImages(10)
	o := Options{Compile: func(_ *gorgonia.ExprGraph, outputs gorgonia.Nodes, _ engine.Kernels) (engine.Machine, error) {
		rows := spec.Compute.EvaluationBatchSize
		if len(outputs) > 1 {
			rows = 3 * spec.Pretrain.BatchSize
		}
		short := &engine.MemoryError{
			Device: "cuda:0", Needed: 300 << 20, Free: 100 << 20, Total: 200<<20 + 1, Rows: rows, Fits: fits,
			PerRow: int64(len(images.Pixels)),
		}
		return nil, fmt.Errorf("compile graph: %w", short)
	}}
	for _, c := range []struct {
		rows, images int
		advice       string
	}{
		// One row's memory is for the images themselves.
		{12, 3, "lower it to 3, which would fit"}, {4, 1, "lower it to 1"}, {3, 0, "no batch would fit: lower encoder.width"},
		{0, 0, "no batch would fit"},
	} {
		fits = c.rows
		_, err = PretrainEpoch(t.Context(), spec, images, s, o)
		var short *MemoryError
		require.ErrorAs(t, err, &short)
		require.Equal(t, c.images, short.Fits)
		require.ErrorContains(t, err, "pretrain.batch_size: 4: cuda:0 has 100 MiB of its 201 MiB free, and such a batch needs 300 MiB: ")
		require.ErrorContains(t, err, c.advice)
		require.ErrorAs(t, err, new(*engine.MemoryError))
	}
	require.Equal(t, before, written(t, s))

	fits = 2
	_, err = Features(t.Context(), spec, images, s, o)
	require.ErrorContains(t, err, "compute.evaluation_batch_size: 4: ")
	require.ErrorContains(t, err, "lower it to 2")
	_, err = Features(t.Context(), spec, dataset.Images{}, s, o)
	require.NoError(t, err)
}

// noRoom is a machine on whose device a data set does not fit beside the network.
type noRoom struct{ engine.Machine }

func (noRoom) NewAugmenter(*gorgonia.Node, dataset.Images, []experiment.View) (engine.Augmenter, error) {
	return nil, fmt.Errorf("augment: %w", &engine.MemoryError{Device: "cuda:0", Rows: 8, Fits: 6})
}

func TestShortageOfMemoryForImages(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	o := Options{Compile: func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, k engine.Kernels) (engine.Machine, error) {
		m, err := engine.Reference(g, outputs, k)
		return noRoom{m}, err
	}}
	_, err = PretrainEpoch(t.Context(), spec, tinyImages(10), s, o)
	require.ErrorAs(t, err, new(*MemoryError))
	require.ErrorContains(t, err, "pretrain.batch_size: 4: ")
	require.ErrorContains(t, err, "lower it to 3, which would fit")
}
