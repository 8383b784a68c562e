package experiment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummaries(t *testing.T) {
	s := Default()
	s.Pretrain.Epochs = 7
	require.Equal(t, "simclr on cifar10: resnet18, 7 epochs, seed 1", s.Summary())
	require.Equal(t, "pretraining of resnet18 with simclr on cifar10, 7 epochs", s.PretrainingSummary())
	require.Equal(t, "evaluation: kNN, linear, finetune", s.EvaluationSummary())
	s.Linear.Epochs, s.Finetune.Epochs = 0, 0
	require.Equal(t, "evaluation: kNN", s.EvaluationSummary())
}
