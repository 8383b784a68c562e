package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// testSpec plans the given numbers of epochs and keeps one checkpoint beside the best.
func testSpec(t *testing.T, pretrain, finetune int) experiment.Spec {
	t.Helper()
	spec := experiment.Default()
	spec.Name = "test"
	spec.Pretrain.Epochs, spec.Finetune.Epochs = pretrain, finetune
	spec.Pretrain.Schedule.WarmupEpochs, spec.Finetune.Schedule.WarmupEpochs = 0, 0
	spec.Checkpoints.KeepLast = 1
	require.NoError(t, spec.Validate())
	return spec
}
