package model

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

// The example of docs/adding-a-loss.md, word for word.

func init() {
	registerLoss(experiment.Loss{
		Name: "spectral", Title: "Spectral contrastive", Views: 2,
		Parameters: []experiment.Parameter{{Name: "weight", Default: 0.01, Low: 0, High: 1}},
		Text: "The loss is the spectral contrastive one (HaoChen et al. 2021) on cosine similarities: those of the two views of an " +
			"image should be 1, those of different images 0, with the given weight.",
	}, spectral)
}

func spectral(b *builder, m experiment.Method, o Options) {
	z := b.apply(L2Normalize{}, b.network.Projection)
	first := b.apply(Rows{From: 0, To: o.Batch / 2}, z)
	second := b.apply(Rows{From: o.Batch / 2, To: o.Batch}, z)
	similarities := b.apply(MatMul{TransB: true}, first, second)
	// Σ_i (1 − s_ii)² + weight · Σ_i Σ_{j≠i} s_ij², as Barlow Twins has it of correlations.
	b.network.Loss = b.apply(RedundancyReduction{Lambda: m.Parameters["weight"]}, similarities)
}

// A file of this package is all that a loss needs: specs can name it, with its parameters, and its network has gradients.
func TestALossIsOneFile(t *testing.T) {
	spec, err := experiment.Parse([]byte("name: a\nmethod: {name: spectral, projector: {layers: 2, hidden: 5, output: 4}}"))
	require.NoError(t, err)
	require.NoError(t, spec.Validate())
	require.Equal(t, 0.01, spec.Method.Parameters["weight"], "the default")
	require.NoError(t, experiment.Set(&spec, "method.parameters.weight=0.5"))
	require.NoError(t, spec.Validate())

	n, err := NewPretraining(tinyEncoder, spec.Method, Options{Batch: 8, Size: 8, DType: tensor.Float64})
	require.NoError(t, err)
	checkNetworkGradient(t, n)

	spec.Augment.Views = 3
	require.ErrorContains(t, spec.Validate(), "augment.views: 3 is too many for spectral")
	_, err = NewPretraining(tinyEncoder, spec.Method, Options{Batch: 9, Views: 3, Size: 8})
	require.ErrorContains(t, err, "3 views an image, want 2")
}

// Two images whose views are alike and unlike the other's have no loss; views that are all alike have the negatives' weight.
func TestSpectralLoss(t *testing.T) {
	loss := func(rows []float64) float64 {
		z := leaves([]int{4, 2})[0]
		bind(z, rows)
		b := &builder{network: &Network{Graph: z.Graph(), Projection: z}}
		spectral(b, experiment.Method{Parameters: map[string]float64{"weight": 0.5}}, Options{Batch: 4})
		require.NoError(t, b.err)
		return compute64(t, b.network.Loss)[0][0]
	}
	require.InDelta(t, 0, loss([]float64{1, 0, 0, 2, 3, 0, 0, 4}), 1e-12)
	require.InDelta(t, 0.5*2, loss([]float64{1, 0, 1, 0, 1, 0, 1, 0}), 1e-12)
	require.InDelta(t, 2+0.5*2, loss([]float64{1, 0, 0, 1, 0, 1, 1, 0}), 1e-12)
}

// What the page shows is what is tested here.
func TestAddingALossShowsThisCode(t *testing.T) {
	page, err := os.ReadFile("../docs/adding-a-loss.md")
	require.NoError(t, err)
	source, err := os.ReadFile("spectral_test.go")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(source), "word for word.\n\n")
	require.True(t, found)
	code, _, found = strings.Cut(code, "\n// A file of this package")
	require.True(t, found)
	require.Contains(t, string(page), code)
}
