package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestAblationStandsInEveryOutput(t *testing.T) {
	in := withAblation(sampleInput(3, 2, 2))
	require.NoError(t, everything(t, in))
	data, err := HTML(in)
	require.NoError(t, err)
	text := parse(t, data).text
	require.Contains(t, text, "What pretraining is worth")
	require.Contains(t, text, "450 (1 %) 49.0 % (48.0 % – 50.0 %) 29.0 % (28.1 % – 29.9 %)")

	var summary strings.Builder
	require.NoError(t, Summary(&summary, in.Spec, in.Result))
	require.Contains(t, summary.String(), "450 (1 %)")

	data, err = Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m MetricsFile
	require.NoError(t, json.Unmarshal(data, &m))
	require.Contains(t, m.Ablation.Protocol, "100 steps of 128")
	require.Len(t, m.Ablation.Arms, 2)
	arm := m.Ablation.Arms[1]
	require.Equal(t, experiment.FromScratch, arm.Start)
	require.Equal(t, 450, arm.Labels)
	require.Equal(t, 3, arm.Selected.Epoch)
	require.Less(t, arm.TestInterval.Low, arm.TestAccuracy)
	require.Len(t, arm.Curves.ValidationAccuracy, 4)
	require.Len(t, m.Throughput.AblationSeconds, 2)
}

func TestBrokenAblation(t *testing.T) {
	in := withAblation(sampleInput(3, 2, 2))
	in.Result.Ablation[1].Test = nil
	require.ErrorContains(t, everything(t, in), "result.ablation[1].test: ablation/scratch-0.01 has no test")
	in.Result.Ablation = in.Result.Ablation[:1]
	require.ErrorContains(t, everything(t, in), "result.ablation: 1 arms, but the spec asks for 2")
}
