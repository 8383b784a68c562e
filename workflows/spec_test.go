package workflows

import (
	"testing"

	"twinview/experiment"
)

func testSpec(t *testing.T, pretrain, finetune int) experiment.Spec {
	t.Helper()
	spec := experiment.Spec{Name: "test"}
	spec.Method.Name = experiment.SimCLR
	spec.Method.Temperature = 0.5
	spec.Pretrain.Epochs, spec.Finetune.Epochs = pretrain, finetune
	spec.Checkpoints.KeepLast = 1
	return spec
}
