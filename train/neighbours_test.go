package train

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNeighboursOfACircle(t *testing.T) {
	known := Labelled{Features: []float32{1, 0, 0, 2, -3, 0, 4, 4}, Labels: []uint8{0, 1, 2, 1}, Dim: 2}
	asked := Labelled{Features: []float32{5, 0, 0, -1}, Labels: []uint8{0, 2}, Dim: 2}
	found, err := Neighbours(t.Context(), known, asked, 3, 3, onCPU.Compile)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, uint8(1), found[0].Predicted, "two of three, though the nearest is of class 0")
	for i, want := range []Neighbour{{0, 0, 1}, {3, 1, 0.70710678}, {1, 1, 0}} {
		require.Equal(t, want.Index, found[0].Nearest[i].Index)
		require.Equal(t, want.Label, found[0].Nearest[i].Label)
		require.InDelta(t, want.Similarity, found[0].Nearest[i].Similarity, 1e-6)
	}
	require.Equal(t, 0, found[1].Nearest[0].Index, "of equals, the one with the smaller index")
	require.Equal(t, 2, found[1].Nearest[1].Index)
}

// What is shown of single images is what the accuracy counts.
func TestNeighboursVoteAsKNN(t *testing.T) {
	const dim, classes, k = 12, 5, 7
	r := rand.New(rand.NewPCG(9, 9))
	known, _, knownLabels := randomRows(r, 300, dim, classes)
	asked, _, askedLabels := randomRows(r, 200, dim, classes) // more than one block
	found, err := Neighbours(t.Context(), Labelled{known, knownLabels, dim}, Labelled{asked, askedLabels, dim}, k, classes,
		onCPU.Compile)
	require.NoError(t, err)
	right := 0
	for i, hood := range found {
		require.Len(t, hood.Nearest, k)
		if hood.Predicted == askedLabels[i] {
			right++
		}
	}
	accuracy, err := KNN(t.Context(), known, knownLabels, asked, askedLabels, dim, k, classes, onCPU.Compile)
	require.NoError(t, err)
	require.Equal(t, accuracy, float64(right)/float64(len(found)))

	_, err = Neighbours(t.Context(), Labelled{known, knownLabels, dim}, Labelled{asked, askedLabels, dim}, 301, classes,
		onCPU.Compile)
	require.ErrorIs(t, err, ErrTooFewImages)
}
