package train

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"twinview/experiment"
)

// digest identifies the part of a spec that decides the weights of a stage, so that a state is never continued under
// another. Where files lie and how the work is done (dataset.source, encoder.weights.source, compute) are no part of it, nor
// is what happens after a divergence: the state itself says whether that has been.
//
// The number of epochs can be changed while pretraining runs: a state of pretraining is that of the plan under which the
// epoch, its last or the one that it is inside, was trained.
func digest(spec *experiment.Spec, stage string, epoch int) (string, error) {
	decisive := experiment.Spec{
		Seed:     spec.Seed,
		Dataset:  spec.Dataset,
		Encoder:  spec.Encoder,
		Method:   spec.Method,
		Augment:  spec.Augment,
		Pretrain: spec.Pretrain,
	}
	if stage == experiment.StagePretrain {
		decisive.Pretrain = spec.Pretrain.In(epoch)
	}
	decisive.Dataset.Source = ""
	decisive.Dataset.TestImages = 0
	decisive.Pretrain.Divergence = nil
	if w := spec.Encoder.Weights; w != nil {
		decisive.Encoder.Weights = &experiment.Weights{SHA256: w.SHA256}
	}
	switch section(stage) {
	case experiment.StageFinetune:
		decisive.Finetune = spec.Finetune
	case experiment.StageLinearAugmented:
		decisive.LinearAugmented = spec.LinearAugmented
	case experiment.StageAblation:
		decisive.Ablation = spec.Ablation
	}
	data, err := json.Marshal(decisive)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// section is the part of a spec that says how a stage trains: "ablation" for the stage "ablation/scratch-0.01".
func section(stage string) string {
	name, _, _ := strings.Cut(stage, "/")
	return name
}
