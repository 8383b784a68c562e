package train

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestCrossEntropyOfLargeLogits(t *testing.T) {
	require.Equal(t, 0.0, crossEntropy([]float32{3e38, -3e38}, 0))
	require.InDelta(t, 2000.0, crossEntropy([]float32{-1000, 1000}, 0), 1e-9)
}

func TestScoreOfAPartialBatch(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewFinetuneState(spec, tinyClasses, newPretrained(t, spec))
	require.NoError(t, err)
	before := written(t, s)
	images := tinyImages(6) // batches of 4 and 2
	score, err := Score(context.Background(), spec, tinyClasses, images, s, onReference)
	require.NoError(t, err)

	spec.Compute.EvaluationBatchSize = 6
	whole, err := Score(context.Background(), spec, tinyClasses, images, s, onReference)
	require.NoError(t, err)
	require.Equal(t, whole, score)
	require.Equal(t, before, written(t, s))
}

func TestScoreRefusesLabelsOutOfRange(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewFinetuneState(spec, 2, newPretrained(t, spec))
	require.NoError(t, err)
	_, err = Score(context.Background(), spec, 2, tinyImages(6), s, onReference)
	require.ErrorContains(t, err, "label 2")
}
