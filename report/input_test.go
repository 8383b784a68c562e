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
	_, pdf := PDF(in)
	_, metrics := Metrics(in.Spec, in.Result)
	_, plots := Plots(in)
	summary := Summary(io.Discard, in.Spec, in.Result)
	for _, other := range []error{pdf, metrics, plots, summary} {
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
		"result.test.knn_accuracy is NaN":  func(r *experiment.Result) { r.Test.KNNAccuracy = math.NaN() },
		"result.pretrain: no epochs":       func(r *experiment.Result) { r.Pretrain = nil },
		"result.linear.best.epoch: 7 is":   func(r *experiment.Result) { r.Linear.Best.Epoch = 7 },
		"result.finetune.best.epoch: 0 is": func(r *experiment.Result) { r.Finetune.Best = experiment.Selection{} },
		"result.test.linear_confusion: 9 rows for 10 classes": func(r *experiment.Result) {
			r.Test.LinearConfusion = r.Test.LinearConfusion[1:]
		},
		"result.test.finetune_confusion[1]: 9 columns": func(r *experiment.Result) {
			r.Test.FinetuneConfusion[1] = r.Test.FinetuneConfusion[1][1:]
		},
		"epoch 2 has no test loss and accur": func(r *experiment.Result) { r.Finetune.Epochs[1].TestAccuracy = nil },
	} {
		in := sampleInput(4, 3, 2)
		spoil(&in.Result)
		require.ErrorContains(t, everything(t, in), want)
	}
}

// What a spec switches off, and what older versions did not record, is left out and no error.
func TestResultsWithoutSomeParts(t *testing.T) {
	for _, without := range []func(*Input){
		func(in *Input) { *in = sampleInput(4, 0, 2) },
		func(in *Input) { *in = sampleInput(4, 3, 0) },
		func(in *Input) {
			*in = sampleInput(4, 0, 0)
			in.Result.Test = experiment.TestResult{KNNAccuracy: 0.3}
		},
		func(in *Input) { in.Exhibits, in.Views = nil, nil },
		func(in *Input) { in.Exhibits = &Exhibits{} },
		func(in *Input) {
			in.Result.Pretrain[1].Usage, in.Result.Linear.Usage, in.Result.Finetune.Epochs[0].Usage = nil, nil, nil
			in.Result.Test = experiment.TestResult{}
		},
	} {
		in := sampleInput(4, 3, 2)
		without(&in)
		require.NoError(t, everything(t, in))
	}
}

func TestNumbersOfEpochs(t *testing.T) {
	for _, n := range []int{1, 2, 3, 50} {
		require.NoError(t, everything(t, sampleInput(n, n, n)), "%d epochs", n)
	}
	require.NoError(t, everything(t, sampleInput(2, 0, 0)), "kNN alone")
}
