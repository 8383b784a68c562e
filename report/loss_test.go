package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// A loss that nobody has heard of says itself what it is.
func TestReportOfAnotherLoss(t *testing.T) {
	experiment.RegisterLoss(experiment.Loss{
		Name: "example", Title: "Exemplary", Text: "The loss is an example.",
		Parameters: []experiment.Parameter{{Name: "weight", Default: 0.5, High: 1}},
	})
	in := sampleInput(2, 2, 2)
	in.Spec.Method = experiment.DefaultFor("example").Method
	page, paper := keep(t, "loss", in)
	for _, text := range []string{page, paper} {
		require.Contains(t, text, "Exemplary on cifar10")
		require.Contains(t, text, "The loss is an example.")
		require.Contains(t, text, "Batch of 512 images, weight = 0.5.")
		require.Contains(t, text, "Exemplary loss")
		require.NotContains(t, text, "ℓ")
	}
	require.NotContains(t, page, "<math")
}
