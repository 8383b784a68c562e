package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// A divergence stands in every output: which epoch, which step and loss, which factor.
func TestDivergenceStandsInEveryOutput(t *testing.T) {
	in := sampleInput(4, 4, 4)
	retry := &experiment.Retry{Diverged: experiment.Diverged{Epoch: 3, Step: 120, Loss: "NaN"}, RateFactor: 0.25}
	in.Result.Pretrain[2].Retry = retry
	data, err := Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m MetricsFile
	require.NoError(t, json.Unmarshal(data, &m))
	require.Equal(t, retry, m.Pretrain.Retry)

	const sentence = "epoch 3 diverged in step 120 (loss NaN): trained again from the checkpoint before it, with learning rates " +
		"0.25 times as large"
	var summary strings.Builder
	require.NoError(t, Summary(&summary, in.Spec, in.Result))
	require.Contains(t, summary.String(), sentence)
	html, err := HTML(in)
	require.NoError(t, err)
	require.Contains(t, string(html), sentence)
	p, err := newPage(in)
	require.NoError(t, err)
	require.Contains(t, p.Retry, sentence, "the page is that of the PDF too")
	_, err = PDF(in)
	require.NoError(t, err)

	in.Result.Pretrain[2].Retry = nil
	data, err = Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	require.NotContains(t, string(data), `"retry"`)
	html, err = HTML(in)
	require.NoError(t, err)
	require.NotContains(t, string(html), "diverged")
}
