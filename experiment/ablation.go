package experiment

import (
	"fmt"
	"math"
	"slices"
)

// What an arm of the ablation starts from.
const (
	// FromPretrained is the selected encoder.
	FromPretrained = "pretrained"
	// FromScratch is an encoder initialised from the seed, also where pretraining began with given weights.
	FromScratch = "scratch"
)

// Arm is one training of the ablation.
type Arm struct {
	// Fraction is one of Ablation.LabelFractions, Start FromPretrained or FromScratch.
	Fraction float64 `json:"fraction"`
	Start    string  `json:"start"`
}

// Stage identifies the arm among the stages of training: "ablation/pretrained-0.01".
func (a Arm) Stage() string { return fmt.Sprintf("%s/%s-%v", StageAblation, a.Start, a.Fraction) }

// Arms lists the arms in the order in which they are trained, none without the section.
func (a *Ablation) Arms() []Arm {
	if a == nil {
		return nil
	}
	var arms []Arm
	for _, fraction := range a.LabelFractions {
		arms = append(arms, Arm{fraction, FromPretrained}, Arm{fraction, FromScratch})
	}
	return arms
}

// Labels is the number of labelled images that an arm trains on, of a training split of the given size.
func (a Arm) Labels(images int) int {
	return min(images, max(1, int(math.Round(a.Fraction*float64(images)))))
}

// AblationArm is what one arm of the ablation has led to.
type AblationArm struct {
	Arm
	// Labels is the number of labelled images.
	Labels int               `json:"labels"`
	Epochs []ClassifierEpoch `json:"epochs"`
	// Best is the epoch with the highest validation accuracy, the earliest of equals; zero while the arm is trained.
	Best Selection `json:"best"`
	// Test is of the selected epoch's weights, nil before the test.
	Test *TestScore `json:"test,omitempty"`
}

const (
	maxLabelFractions = 8
	// maxArmEpochs bounds the epochs of all arms together, which travel with all others in one Temporal payload.
	maxArmEpochs = 400
)

func (a *Ablation) check(c *checker, images, classes, size int) {
	if a == nil {
		return
	}
	a.checkFractions(c, images, classes)
	c.whole("ablation.epochs", a.Epochs, 1, maxArmEpochs/max(2, 2*len(a.LabelFractions)),
		fmt.Sprintf("times two arms a fraction, at most %d", maxArmEpochs))
	c.whole("ablation.steps_per_epoch", a.StepsPerEpoch, 1, 100_000, "")
	c.whole("ablation.batch_size", a.BatchSize, 2, 4096, "batch norm has no variance of one image to train with")
	a.Optimizer.check(c, "ablation.optimizer")
	a.Schedule.check(c, "ablation.schedule", a.Epochs)
	a.Augment.check(c, "ablation.augment", size)
}

func (a *Ablation) checkFractions(c *checker, images, classes int) {
	if n := len(a.LabelFractions); n < 1 || n > maxLabelFractions {
		c.complain("ablation.label_fractions", a.LabelFractions, "must have 1 to %d numbers", maxLabelFractions)
	}
	c.must("ablation.label_fractions", fmt.Sprintf("1 to %d numbers, each greater than 0 and at most 1", maxLabelFractions))
	for i, fraction := range a.LabelFractions {
		path := fmt.Sprintf("ablation.label_fractions[%d]", i)
		c.real(path, fraction, span{low: 0, high: 1, openLow: true}, "")
		if slices.Contains(a.LabelFractions[:i], fraction) {
			c.complain(path, fraction, "stands there twice: remove one")
		}
		if labels := (Arm{Fraction: fraction}).Labels(images); images > 0 && labels < classes {
			c.complain(path, fraction, "of %d training images is %d: it must be at least one image of each of the %d classes",
				images, labels, classes)
		}
	}
}
