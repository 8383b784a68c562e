package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

func TestSummary(t *testing.T) {
	in := sampleInput(4, 4, 4)
	var out strings.Builder
	require.NoError(t, Summary(&out, in.Spec, in.Result))
	lines := map[string]string{}
	for line := range strings.Lines(out.String()) {
		fields := strings.Fields(line)
		if len(fields) > 0 {
			lines[fields[0]] += strings.Join(fields, " ") + "\n"
		}
	}
	require.Equal(t, "sample: SimCLR on cifar10, 45,000 training images, seed 1\n", lines["sample:"])
	require.Contains(t, lines["pretraining"], "6.3481 → 5.9614 over 4 epochs; epoch 4 selected by validation kNN accuracy")
	require.Equal(t, "kNN 61.7 % 35.4 % 59.1 % 58.2 % – 60.1 % 4\n", lines["kNN"])
	best := in.Result.Linear.Epochs[2]
	require.Contains(t, lines["Linear"], "Linear "+percent(best.TrainAccuracy)+" "+percent(best.ValidationAccuracy)+" "+
		percent(*best.TestAccuracy))
	require.Contains(t, lines["Fine-tuned"], percent(*in.Result.Finetune.Epochs[2].TestAccuracy))
	for _, a := range artifacts(&in.Result) {
		require.Contains(t, out.String(), a.Key+" ")
	}
}

// The encoder as it started has an accuracy, but neither a loss nor a curve.
func TestReportWithoutPretraining(t *testing.T) {
	in := sampleInput(1, 2, 2)
	in.Result.Pretrain[0] = experiment.PretrainEpoch{KNN: new(0.3)}
	in.Result.Best.Epoch = 0
	var out strings.Builder
	require.NoError(t, Summary(&out, in.Spec, in.Result))
	require.Contains(t, out.String(), "no pretraining: the encoder was evaluated as it started")
	data, err := Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m MetricsFile
	require.NoError(t, json.Unmarshal(data, &m))
	require.Zero(t, m.Pretrain.Epochs)
	require.Equal(t, []float64{}, m.Pretrain.Loss)
	require.Equal(t, KNNCurve{Epoch: []int{0}, ValidationAccuracy: []float64{0.3}}, m.Pretrain.KNN)
	page, err := HTML(in)
	require.NoError(t, err)
	require.Contains(t, parse(t, page).text, "None: the encoder was evaluated as it started")
	plots, err := Plots(in)
	require.NoError(t, err)
	require.NotContains(t, plots, "pretrain-loss.svg")
	require.Contains(t, plots, "linear-loss.svg")
}
