package train

import (
	"twinview/checkpoint"
	"twinview/experiment"
)

// FinetunedModel is the state of a published classifier, the state dict of finetune_best.pt, for Predict. It keeps the tensors
// and can't be trained.
func FinetunedModel(tensors []checkpoint.Tensor) *State {
	return &State{stage: experiment.StageFinetune, tensors: tensors}
}

// PretrainedModel is the state of a published encoder, the state dict of <method>_best_epoch.pt, for Features. It keeps the
// tensors and can't be trained.
func PretrainedModel(tensors []checkpoint.Tensor) *State {
	return &State{stage: experiment.StagePretrain, tensors: tensors}
}
