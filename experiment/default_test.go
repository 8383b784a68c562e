package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefaultsValidateUnderAName(t *testing.T) {
	for _, method := range []string{SimCLR, BarlowTwins} {
		s := DefaultFor(method)
		require.ErrorContains(t, s.Validate(), "name:")
		s.Name = "x"
		require.NoError(t, s.Validate())
		require.Equal(t, method, s.Method.Name)
	}
	require.Equal(t, Default(), DefaultFor(SimCLR))
}

func TestBarlowTwinsHasAsymmetricViews(t *testing.T) {
	a := DefaultFor(BarlowTwins).Augment
	require.NotNil(t, a.SecondView)
	require.Equal(t, 1.0, a.FirstView.Blur.Probability)
	require.Equal(t, 0.1, a.SecondView.Blur.Probability)
	require.Zero(t, a.FirstView.Solarize.Probability)
	require.Equal(t, 0.2, a.SecondView.Solarize.Probability)
}

func TestDefaultsShareNothing(t *testing.T) {
	a, b := DefaultFor(BarlowTwins), DefaultFor(BarlowTwins)
	a.Augment.SecondView.Flip = 0
	require.Equal(t, 0.5, b.Augment.SecondView.Flip)
}
