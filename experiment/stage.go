package experiment

import "slices"

// Stages of an experiment, in order.
const (
	StagePrepare         = "prepare"
	StagePretrain        = "pretrain"
	StageSelect          = "select"
	StageLinear          = "linear"
	StageLinearAugmented = "linear_augmented"
	StageFinetune        = "finetune"
	StageAblation        = "ablation"
	StageTest            = "test"
	StageReport          = "report"
	StageDone            = "done"
)

// Stages lists the stages of every experiment that leaves nothing out, in order.
func Stages() []string {
	return []string{
		StagePrepare, StagePretrain, StageSelect, StageLinear, StageLinearAugmented, StageFinetune, StageAblation,
		StageTest, StageReport, StageDone,
	}
}

// LeftOut lists the stages that this experiment does not have.
func (s Spec) LeftOut() []string {
	var out []string
	if s.Linear.Epochs == 0 {
		out = append(out, StageLinear)
	}
	if s.LinearAugmented == nil {
		out = append(out, StageLinearAugmented)
	}
	if s.Finetune.Epochs == 0 {
		out = append(out, StageFinetune)
	}
	if s.Ablation == nil {
		out = append(out, StageAblation)
	}
	return out
}

// StageAfter is the stage of this experiment that follows another, StageDone behind the last.
func (s Spec) StageAfter(stage string) string {
	all, out := Stages(), s.LeftOut()
	for _, next := range all[slices.Index(all, stage)+1:] {
		if !slices.Contains(out, next) {
			return next
		}
	}
	return StageDone
}
