package model

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

// The example of docs/adding-a-loss.md, word for word.

func init() {
	registerLoss(experiment.Loss{
		Name: "multiview_barlow_twins", Title: "Multiview Barlow Twins",
		Parameters: []experiment.Parameter{{Name: "lambda", Default: 0.0051, Low: 0, High: 1}},
		Text: "The loss is that of Barlow Twins (Zbontar et al. 2021, equation 1), added up over all pairs of an image's views, as " +
			"contrastive multiview coding adds up its own (Tian et al. 2020).",
	}, multiview)
}

func multiview(b *builder, m experiment.Method, o Options) {
	images := o.Batch / o.viewsPerImage()
	var views gorgonia.Nodes
	for from := 0; from < o.Batch; from += images {
		views = append(views, b.apply(Standardize{}, b.apply(Rows{From: from, To: from + images}, b.network.Projection)))
	}
	op := RedundancyReduction{Lambda: m.Parameters["lambda"]}
	b.network.Loss = b.apply(op, views[0], views[1])
	for i, second := range views[2:] {
		for _, first := range views[:i+2] {
			b.network.Loss = b.add(b.network.Loss, b.apply(op, first, second))
		}
	}
}

// A file of this package is all that a loss needs: specs can name it, with its parameters, and its network has gradients.
func TestALossIsOneFile(t *testing.T) {
	spec, err := experiment.Parse([]byte(
		"name: a\nmethod: {name: multiview_barlow_twins, projector: {layers: 2, hidden: 5, output: 4}}\naugment: {views: 3}"))
	require.NoError(t, err)
	require.NoError(t, spec.Validate())
	require.Equal(t, 0.0051, spec.Method.Parameters["lambda"], "the default")
	require.NoError(t, experiment.Set(&spec, "method.parameters.lambda=0.5"))
	require.NoError(t, spec.Validate())

	n, err := NewPretraining(tinyEncoder, spec.Method, Options{Batch: 12, Views: 3, Size: 8, DType: tensor.Float64})
	require.NoError(t, err)
	checkNetworkGradient(t, n)
}

// Of two views it is Barlow Twins, of three the sum over the pairs: views that are alike and whose outputs have nothing in common
// have no loss, and each pair has λ for every two outputs that are one.
func TestMultiviewLoss(t *testing.T) {
	loss := func(views int, rows ...float64) float64 {
		z := leaves([]int{len(rows) / 2, 2})[0]
		bind(z, rows)
		b := &builder{network: &Network{Graph: z.Graph(), Projection: z}}
		multiview(b, experiment.Method{Parameters: map[string]float64{"lambda": 0.5}}, Options{Batch: len(rows) / 2, Views: views})
		require.NoError(t, b.err)
		return compute64(t, b.network.Loss)[0][0]
	}
	apart, alike := []float64{0, 0, 0, 1, 1, 0, 1, 1}, []float64{0, 0, 1, 1, 1, 1, 0, 0}
	require.InDelta(t, 0, loss(2, slices.Concat(apart, apart)...), 1e-12)
	require.InDelta(t, 0, loss(3, slices.Concat(apart, apart, apart)...), 1e-12)
	require.InDelta(t, 0.5*2, loss(2, slices.Concat(alike, alike)...), 1e-12)
	require.InDelta(t, 3*0.5*2, loss(3, slices.Concat(alike, alike, alike)...), 1e-12)
	require.InDelta(t, 6*0.5*2, loss(4, slices.Concat(alike, alike, alike, alike)...), 1e-12)
	opposite := []float64{1, 1, 1, 0, 0, 1, 0, 0}
	require.InDelta(t, 2*2*2*2, loss(3, slices.Concat(apart, opposite, apart)...), 1e-12, "two of the pairs have correlations of -1")
}

// What the page shows is what is tested here.
func TestAddingALossShowsThisCode(t *testing.T) {
	page, err := os.ReadFile("../docs/adding-a-loss.md")
	require.NoError(t, err)
	source, err := os.ReadFile("multiview_test.go")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(source), "word for word.\n\n")
	require.True(t, found)
	code, _, found = strings.Cut(code, "\n// A file of this package")
	require.True(t, found)
	require.Contains(t, string(page), code)
}
