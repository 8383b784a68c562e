package report

import (
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// everything makes all outputs, which must agree on the error.
func everything(t *testing.T, in Input) error {
	t.Helper()
	_, err := HTML(in)
	_, metrics := Metrics(in.Spec, in.Result)
	_, plots := Plots(in)
	summary := Summary(io.Discard, in.Spec, in.Result)
	for _, other := range []error{metrics, plots, summary} {
		require.Equal(t, err == nil, other == nil, "%v, %v", err, other)
	}
	return err
}

func TestBrokenResults(t *testing.T) {
	for want, spoil := range map[string]func(*experiment.Result){
		"result.pretrain[2].loss is NaN": func(r *experiment.Result) { r.Pretrain[2].Loss = math.NaN() },
		"result.pretrain[3].knn is +Inf": func(r *experiment.Result) { r.Pretrain[3].KNN = new(math.Inf(1)) },
		"result.linear.epochs[0].test_loss is -Inf": func(r *experiment.Result) {
			r.Linear.Epochs[0].TestLoss = new(math.Inf(-1))
		},
		"result.test.knn_accuracy is NaN":    func(r *experiment.Result) { r.Test.KNNAccuracy = math.NaN() },
		"result.pretrain: no epochs":         func(r *experiment.Result) { r.Pretrain = nil },
		"result.linear.best.epoch: 7 is":     func(r *experiment.Result) { r.Linear.Best.Epoch = 7 },
		"result.finetune.best.epoch: 0 is":   func(r *experiment.Result) { r.Finetune = experiment.Classification{} },
		"epoch 2 has no test loss and accur": func(r *experiment.Result) { r.Finetune.Epochs[1].TestAccuracy = nil },
	} {
		in := sampleInput(4, 3, 2)
		spoil(&in.Result)
		require.ErrorContains(t, everything(t, in), want)
	}
}

func TestNumbersOfEpochs(t *testing.T) {
	for _, n := range []int{1, 2, 3, 50} {
		require.NoError(t, everything(t, sampleInput(n, n, n)), "%d epochs", n)
	}
	require.NoError(t, everything(t, sampleInput(2, 0, 0)), "kNN alone")
}
