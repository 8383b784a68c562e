package experiment

import (
	"fmt"
	"slices"
	"strings"
)

// Summary is the experiment in a line: "simclr on cifar10: resnet18, 100 epochs, seed 1".
func (s Spec) Summary() string {
	return fmt.Sprintf("%s on %s: %s, %d epochs, seed %d", s.Method.Name, s.Dataset.Name, s.Encoder.Architecture,
		s.Pretrain.Epochs, s.Seed)
}

// PretrainingSummary is pretraining in a line.
func (s Spec) PretrainingSummary() string {
	return fmt.Sprintf("pretraining of %s with %s on %s, %d epochs", s.Encoder.Architecture, s.Method.Name, s.Dataset.Name,
		s.Pretrain.Epochs)
}

// EvaluationSummary is what the encoder is measured by, in a line: "evaluation: kNN, linear, finetune".
func (s Spec) EvaluationSummary() string {
	protocols := []string{"kNN"}
	for _, stage := range []string{StageLinear, StageLinearAugmented, StageFinetune, StageAblation} {
		if !slices.Contains(s.LeftOut(), stage) {
			protocols = append(protocols, stage)
		}
	}
	return "evaluation: " + strings.Join(protocols, ", ")
}
