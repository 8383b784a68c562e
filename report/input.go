package report

import (
	"fmt"
	"image"

	"twinview/experiment"
)

// Input is what a report is made from.
type Input struct {
	Spec experiment.Spec
	// Result may lack Artifacts: the report lists those that it names elsewhere in any case.
	Result experiment.Result
	// Views are pairs of augmented views of the same image, for show; may be empty.
	Views [][2]image.Image
	// Exhibits is what was kept for show when the test split was read; may be nil.
	Exhibits *Exhibits
	// Hardware describes the machine that trained, in a line; may be empty.
	Hardware string
	// Versions are those of programs and libraries, by name; may be empty.
	Versions map[string]string
}

// check refuses results that no report can be made of, such as one without a protocol that the spec asks for. The message
// names the field.
func check(spec *experiment.Spec, r *experiment.Result) error {
	if err := finite("result", r); err != nil {
		return err
	}
	if len(r.Pretrain) == 0 {
		return fmt.Errorf("result.pretrain: no epochs: a report needs at least one")
	}
	augmented := r.LinearAugmented
	if augmented == nil {
		augmented = &experiment.Classification{}
	}
	plannedAugmented := 0
	if spec.LinearAugmented != nil {
		plannedAugmented = spec.LinearAugmented.Epochs
	}
	for _, c := range []struct {
		field   string
		planned int
		of      *experiment.Classification
	}{
		{"result.linear", spec.Linear.Epochs, &r.Linear}, {"result.linear_augmented", plannedAugmented, augmented},
		{"result.finetune", spec.Finetune.Epochs, &r.Finetune},
	} {
		if c.planned == 0 && len(c.of.Epochs) == 0 {
			continue
		}
		e, ok := selected(c.of)
		if !ok {
			return fmt.Errorf("%s.best.epoch: %d is none of the %d epochs", c.field, c.of.Best.Epoch, len(c.of.Epochs))
		}
		if e.TestLoss == nil || e.TestAccuracy == nil {
			return fmt.Errorf("%s.epochs: epoch %d has no test loss and accuracy: a report comes after the test",
				c.field, e.Epoch)
		}
	}
	classes := len(r.Data.Classes)
	if err := checkConfusion("result.test.linear_confusion", r.Test.LinearConfusion, classes); err != nil {
		return err
	}
	if err := checkConfusion("result.test.finetune_confusion", r.Test.FinetuneConfusion, classes); err != nil {
		return err
	}
	return checkAblation(spec, r)
}

// trained are the epochs of pretraining: none where the encoder was evaluated as it started, which is epoch 0.
func trained(r *experiment.Result) []experiment.PretrainEpoch {
	if r.Pretrain[0].Epoch == 0 {
		return nil
	}
	return r.Pretrain
}

// selected is the epoch that a classification chose.
func selected(c *experiment.Classification) (experiment.ClassifierEpoch, bool) {
	for _, e := range c.Epochs {
		if e.Epoch == c.Best.Epoch {
			return e, true
		}
	}
	return experiment.ClassifierEpoch{}, false
}
