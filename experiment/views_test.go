package experiment

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateViews(t *testing.T) {
	for _, c := range []struct {
		method string
		views  int
		want   string
	}{
		{SimCLR, 0, ""},
		{SimCLR, 2, ""},
		{SimCLR, 8, ""},
		{SimCLR, 1, "augment.views: 1 is out of range: must be 2 to 8 (each view needs another of its image; 0 stands for 2)"},
		{SimCLR, 9, "augment.views: 9 is out of range"},
		{SimCLR, -1, "augment.views: -1 is out of range"},
		{BarlowTwins, 2, ""},
		{BarlowTwins, 3, "augment.views: 3 is too many for barlow_twins, whose loss correlates two views: set it to 2, or method.name to simclr"},
	} {
		s := DefaultFor(c.method)
		s.Name, s.Augment.Views = "a", c.views
		if c.want == "" {
			require.NoError(t, s.Validate())
		} else {
			require.ErrorContains(t, s.Validate(), c.want)
		}
	}
}

func TestTwoViewsLeaveNoTrace(t *testing.T) {
	absent := Default()
	data, err := json.Marshal(absent)
	require.NoError(t, err)
	require.NotContains(t, string(data), `"views"`)
	require.Equal(t, 2, absent.Augment.ViewsPerImage())

	two := parse(t, "augment: {views: 2}")
	require.Equal(t, absent.Digest(), two.Digest(), "two views are what there is without the field")
	three := parse(t, "augment: {views: 3}")
	require.NotEqual(t, absent.Digest(), three.Digest())
	require.Equal(t, 3, three.Augment.ViewsPerImage())
}
