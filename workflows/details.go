package workflows

import (
	"fmt"
	"time"

	"twinview/experiment"
)

// recentEpochs is how many epochs a table in the web UI shows.
const recentEpochs = 10

// details is the progress in Markdown, for Temporal's web UI.
func (p *progress) details() string {
	var b []byte
	b = fmt.Appendf(b, "**%s** · %s · stage **%s**", p.Experiment, p.Method, p.Stage)
	if p.Paused {
		b = append(b, " · **paused**"...)
	}
	b = append(b, "\n\n"...)
	for _, c := range p.Changes {
		b = fmt.Appendf(b, "%s: %s\n\n", c.At.UTC().Format(time.DateTime), c)
	}
	if d := p.Data; d != nil {
		b = fmt.Appendf(b, "%s: %d training, %d validation, %d test images\n\n", d.Name, d.Train, d.Validation, d.Test)
	}
	if len(p.Pretrain) > 0 {
		b = append(b, pretrainDetails(p.Pretrain, p.PretrainEpochs)...)
	}
	if p.Retry != nil {
		b = fmt.Appendf(b, "\nPretraining: %s\n", p.Retry)
	}
	if p.Best != nil {
		b = fmt.Appendf(b, "\nSelected: epoch %d (%s %.4f)\n", p.Best.Epoch, p.Best.Criterion, p.Best.Value)
	}
	if p.Linear != nil {
		best := p.Linear.Best
		b = fmt.Appendf(b, "\nLinear evaluation: epoch %d (%s %.4f)\n", best.Epoch, best.Criterion, best.Value)
	}
	if n := len(p.LinearAugmented); n > 0 {
		b = fmt.Appendf(b, "\nLinear evaluation with augmentation: %d of %d epochs, validation accuracy %.4f\n",
			n, p.LinearAugmentedEpochs, p.LinearAugmented[n-1].ValidationAccuracy)
	}
	if len(p.Finetune) > 0 {
		b = append(b, "\n"+finetuneDetails(p.Finetune, p.FinetuneEpochs)...)
	}
	if len(p.Ablation) > 0 {
		b = append(b, "\n"+ablationDetails(p.Ablation, p.AblationEpochs)...)
	}
	if p.Result != nil {
		b = fmt.Appendf(b, "\nTest kNN accuracy: %.4f\n", p.Result.Test.KNNAccuracy)
	}
	return string(b)
}

// pretrainDetails is a Markdown table of the newest epochs.
func pretrainDetails(epochs []experiment.PretrainEpoch, planned int) string {
	var b []byte
	b = fmt.Appendf(b, "Pretraining: %d of %d epochs\n\n", len(epochs), planned)
	b = append(b, "| epoch | loss | kNN | views/s |\n| --- | --- | --- | --- |\n"...)
	for _, e := range epochs[max(0, len(epochs)-recentEpochs):] {
		b = fmt.Appendf(b, "| %d | %.4f | %s | %.0f |\n", e.Epoch, e.Loss, fraction(e.KNN), e.ViewsPerSecond)
	}
	return string(b)
}

// finetuneDetails is a Markdown table of the newest epochs.
func finetuneDetails(epochs []experiment.ClassifierEpoch, planned int) string {
	var b []byte
	b = fmt.Appendf(b, "Fine-tuning: %d of %d epochs\n\n", len(epochs), planned)
	b = append(b, "| epoch | training loss | validation loss | validation accuracy |\n| --- | --- | --- | --- |\n"...)
	for _, e := range epochs[max(0, len(epochs)-recentEpochs):] {
		b = fmt.Appendf(b, "| %d | %.4f | %.4f | %.4f |\n", e.Epoch, e.TrainLoss, e.ValidationLoss, e.ValidationAccuracy)
	}
	return string(b)
}

// ablationDetails is a Markdown table of the arms so far.
func ablationDetails(arms []experiment.AblationArm, planned int) string {
	var b []byte
	b = append(b, "Ablation:\n\n| labels | from | epochs | best validation accuracy |\n| --- | --- | --- | --- |\n"...)
	for _, a := range arms {
		best := "–"
		if s, err := experiment.SelectClassifier(a.Epochs); err == nil {
			best = fmt.Sprintf("%.4f", s.Value)
		}
		b = fmt.Appendf(b, "| %d | %s | %d of %d | %s |\n", a.Labels, a.Start, len(a.Epochs), planned, best)
	}
	return string(b)
}

// fraction prints an accuracy, or a dash in an epoch that was not measured.
func fraction(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.4f", *v)
}
