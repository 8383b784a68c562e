package activities

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
	"twinview/telemetry"
)

// values are what a worker's metrics of ours say, by name and labels; of a histogram, the number of observations.
func values(t *testing.T, m *telemetry.Metrics) map[string]float64 {
	t.Helper()
	families, err := m.Gather()
	require.NoError(t, err)
	all := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, l := range metric.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			slices.Sort(labels)
			name := strings.TrimPrefix(family.GetName(), "twinview_") + "{" + strings.Join(labels, ",") + "}"
			all[name] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() +
				float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// A worker's metrics tell what its activities did: epochs and checkpoints that it made, not those that it found.
func TestActivitiesAreMeasured(t *testing.T) {
	s := newMemory()
	in := firstEpoch(t, s)
	in.Spec.Checkpoints.EverySeconds = 1e-9
	a := newActivities(t, s)
	a.Metrics = telemetry.NewMetrics()
	first := pretrainOn(t, a, in)
	in.Epoch, in.From = 2, &first.Checkpoint
	second := pretrainOn(t, a, in)

	got := values(t, a.Metrics)
	require.InDelta(t, float64(second.Step), got["training_steps_total{stage=pretrain}"], 0)
	require.InDelta(t, float64(2*in.Spec.Pretrain.BatchSize*second.Step), got["training_views_total{stage=pretrain}"], 0)
	require.InDelta(t, first.Seconds+second.Seconds, got["training_seconds_total{stage=pretrain}"], 1e-9)
	require.InDelta(t, first.DataWaitSeconds+second.DataWaitSeconds, got["training_data_wait_seconds_total{stage=pretrain}"], 1e-9)
	require.InDelta(t, second.LearningRate, got["training_learning_rate{stage=pretrain}"], 0)
	require.Positive(t, got["training_loss{stage=pretrain}"])
	require.InDelta(t, *second.KNN, got["knn_accuracy_ratio{}"], 0)
	require.InDelta(t, 2, got["epochs_total{stage=pretrain}"], 0)
	require.InDelta(t, 2, got["training_epoch{stage=pretrain}"], 0)
	require.InDelta(t, 2, got["checkpoint_seconds{kind=epoch}"], 0)
	require.InDelta(t, float64(first.Checkpoint.Size+second.Checkpoint.Size), got["checkpoint_bytes_total{kind=epoch}"], 0)
	require.Positive(t, got["checkpoint_seconds{kind=inside_epoch}"])
	require.InDelta(t, 2, got["attempts_total{activity=PretrainEpoch,outcome=ok}"], 0)
	for name := range got {
		require.False(t, strings.HasPrefix(name, "training_info"), "nothing runs: %s", name)
	}

	// Another one finds the epoch recorded, and then the checkpoint damaged.
	b := newActivities(t, s)
	b.Metrics = telemetry.NewMetrics()
	pretrainOn(t, b, in)
	s.objects[second.Checkpoint.Key][100]++
	must[experiment.RolledBack](t, b, experiment.ActivityRollBack, experiment.RollBackInput{
		Experiment: in.Spec.Name, Checkpoints: []experiment.Artifact{first.Checkpoint, second.Checkpoint},
	})
	s.failPut = func(string) error { return errors.New("no foreseen error") }
	_, err := run[experiment.PretrainEpoch](t, b, experiment.ActivityPretrainEpoch, in)
	require.Error(t, err)

	got = values(t, b.Metrics)
	require.InDelta(t, 0, got["epochs_total{stage=pretrain}"], 0)
	require.InDelta(t, 1, got["roll_backs_total{reason=damaged}"], 0)
	require.InDelta(t, 1, got[fmt.Sprintf("attempts_total{activity=PretrainEpoch,outcome=%s}", errorUnexpected)], 0)
}

// A divergence counts where training goes back for it, and an evaluation by its epochs.
func TestDivergenceAndEvaluationAreMeasured(t *testing.T) {
	s := newMemory()
	in, _ := divergent(t, s)
	in.Retry = retryOf(t, s, in)
	a := newActivities(t, s)
	a.Metrics = telemetry.NewMetrics()
	pretrainOn(t, a, in)
	require.InDelta(t, 1, values(t, a.Metrics)["roll_backs_total{reason=diverged}"], 0)

	other := newMemory()
	whole, epochs := twoEpochs(t, other)
	best := must[experiment.Selection](t, newActivities(t, other), experiment.ActivitySelectCheckpoint,
		experiment.SelectCheckpointInput{Spec: whole.Spec, Epochs: epochs})
	b := newActivities(t, other)
	b.Metrics = telemetry.NewMetrics()
	linear := must[experiment.Classification](t, b, experiment.ActivityEvaluateLinear,
		experiment.EvaluateLinearInput{Spec: whole.Spec, Data: whole.Data, Best: best})
	got := values(t, b.Metrics)
	require.InDelta(t, float64(len(linear.Epochs)), got["epochs_total{stage=linear}"], 0)
	require.InDelta(t, linear.Best.Value, got["validation_accuracy_ratio{stage=linear}"], 0)
	require.Positive(t, got["training_views_total{stage=linear}"])
}
