package report

import (
	"fmt"
	"strconv"

	"twinview/experiment"
)

// ablationMetrics is nil where the experiment leaves the ablation out.
func ablationMetrics(spec *experiment.Spec, r *experiment.Result) *AblationMetrics {
	if len(r.Ablation) == 0 {
		return nil
	}
	m := &AblationMetrics{Name: "fine-tuning with few labels", Protocol: ablationProtocol(spec)}
	for _, arm := range r.Ablation {
		m.Arms = append(m.Arms, ArmMetrics{
			Start: arm.Start, LabelFraction: arm.Fraction, Labels: arm.Labels, Selected: selectionMetrics(arm.Best),
			ValidationAccuracy: arm.Best.Value, TestLoss: arm.Test.Loss, TestAccuracy: arm.Test.Accuracy,
			TestInterval: Wilson(arm.Test.Accuracy, r.Data.Test), TestImages: r.Data.Test, Curves: curves(arm.Epochs),
		})
	}
	return m
}

func ablationProtocol(spec *experiment.Spec) string {
	a := spec.Ablation
	return fmt.Sprintf("encoder and a new classifier trained together with few labels, class-balanced, from the selected "+
		"encoder and from scratch: %d epochs of %d steps of %d augmented images whatever the number of labels, "+
		"the same draws for both", a.Epochs, a.StepsPerEpoch, a.BatchSize)
}

// ablationRow compares the two arms of a fraction of the labels.
type ablationRow struct {
	Labels, Pretrained, Scratch string
}

func ablationRows(r *experiment.Result) []ablationRow {
	var rows []ablationRow
	at := map[float64]int{}
	for _, arm := range r.Ablation {
		i, ok := at[arm.Fraction]
		if !ok {
			i = len(rows)
			at[arm.Fraction] = i
			share := strconv.FormatFloat(100*arm.Fraction, 'g', 4, 64)
			rows = append(rows, ablationRow{Labels: fmt.Sprintf("%s (%s %%)", count(arm.Labels), share)})
		}
		interval := Wilson(arm.Test.Accuracy, r.Data.Test)
		text := fmt.Sprintf("%s (%s – %s)", percent(arm.Test.Accuracy), percent(interval.Low), percent(interval.High))
		if arm.Start == experiment.FromScratch {
			rows[i].Scratch = text
		} else {
			rows[i].Pretrained = text
		}
	}
	return rows
}

// checkAblation refuses a result without the arms that the spec asks for, or with one that was not tested.
func checkAblation(spec *experiment.Spec, r *experiment.Result) error {
	if planned := len(spec.Ablation.Arms()); planned != len(r.Ablation) {
		return fmt.Errorf("result.ablation: %d arms, but the spec asks for %d", len(r.Ablation), planned)
	}
	for i, arm := range r.Ablation {
		if arm.Test == nil {
			return fmt.Errorf("result.ablation[%d].test: %s has no test loss and accuracy: a report comes after the test",
				i, arm.Stage())
		}
	}
	return nil
}
