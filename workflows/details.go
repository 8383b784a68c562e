package workflows

import (
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// recentEpochs is how many epochs a table in the web UI shows.
const recentEpochs = 10

// details is the progress in Markdown, for Temporal's web UI.
func (p *progress) details() string {
	var b []byte
	b = fmt.Appendf(b, "**%s** · %s · %s · %s\n\n", p.Experiment, p.Method, p.spec.Encoder.Architecture, p.spec.Dataset.Name)
	b = append(b, p.position()...)
	b = append(b, p.incidents()...)
	if p.Result != nil {
		b = append(append(b, testDetails(p.Result)...), p.files()...)
	}
	if d := p.Data; d != nil {
		b = fmt.Appendf(b, "\n%s: %d training, %d validation, %d test images\n\n", d.Name, d.Train, d.Validation, d.Test)
	}
	if len(p.Pretrain) > 0 {
		b = append(b, pretrainDetails(p.Pretrain, p.PretrainEpochs)...)
	}
	b = append(b, p.measured()...)
	if len(p.Finetune) > 0 {
		b = append(b, "\n"+finetuneDetails(p.Finetune, p.FinetuneEpochs)...)
	}
	if len(p.Ablation) > 0 {
		b = append(b, "\n"+ablationDetails(p.Ablation, p.AblationEpochs)...)
	}
	if p.Result == nil {
		b = append(b, p.files()...)
	}
	return string(b)
}

// position is where the experiment is, and how to follow it.
func (p *progress) position() string {
	var b []byte
	b = fmt.Appendf(b, "Stage **%s**", p.place())
	if n := len(p.Begun); n > 0 {
		b = fmt.Appendf(b, " since %s UTC", p.Begun[n-1].At.UTC().Format(time.DateTime))
	}
	if p.Paused {
		b = append(b, " · **paused**"...)
	}
	if best := p.BestAccuracy(); best != nil {
		b = fmt.Appendf(b, " · best validation accuracy **%s**", experiment.Percent(*best))
	}
	if p.Stage != experiment.StageDone {
		b = fmt.Appendf(b, "\n\nEvery step: `starter watch %s`", p.Experiment)
	}
	return string(append(b, "\n\n"...))
}

// incidents are what did not go as planned: changes by people, divergence, what was lost.
func (p *progress) incidents() string {
	var b []byte
	for _, c := range p.Changes {
		b = fmt.Appendf(b, "- %s UTC: %s\n", c.At.UTC().Format(time.DateTime), c)
	}
	if p.Retry != nil {
		b = fmt.Appendf(b, "- pretraining: %s\n", p.Retry)
	}
	for _, r := range p.RollBacks {
		b = fmt.Appendf(b, "- %s UTC: %s\n", r.At.UTC().Format(time.DateTime), r)
	}
	if len(b) == 0 {
		return ""
	}
	return string(append(b, '\n'))
}

// measured is what was chosen and measured beside the epochs.
func (p *progress) measured() string {
	var b []byte
	if p.Best != nil {
		b = fmt.Appendf(b, "\nSelected: epoch %d, %s\n", p.Best.Epoch, reason(*p.Best))
	}
	if p.Linear != nil {
		best := p.Linear.Best
		b = fmt.Appendf(b, "\nLinear evaluation: epoch %d, %s %s\n", best.Epoch, best.Criterion, experiment.Percent(best.Value))
	}
	if n := len(p.LinearAugmented); n > 0 {
		b = fmt.Appendf(b, "\nLinear evaluation with augmentation: %d of %d epochs, validation accuracy %s\n",
			n, p.LinearAugmentedEpochs, experiment.Percent(p.LinearAugmented[n-1].ValidationAccuracy))
	}
	return string(b)
}

// testDetails is a Markdown table of what the one reading of the test split said.
func testDetails(r *experiment.Result) string {
	if len(r.Data.Classes) == 0 {
		return "" // of images without labels nothing is tested
	}
	var b []byte
	b = fmt.Appendf(b, "\n### Test split\n\n| protocol | accuracy |\n| --- | ---: |\n| kNN | %s |\n",
		experiment.Percent(r.Test.KNNAccuracy))
	score := func(protocol string, c *experiment.Classification) {
		if c == nil {
			return
		}
		i := slices.IndexFunc(c.Epochs, func(e experiment.ClassifierEpoch) bool { return e.Epoch == c.Best.Epoch })
		if i >= 0 && c.Epochs[i].TestAccuracy != nil {
			b = fmt.Appendf(b, "| %s | %s |\n", protocol, experiment.Percent(*c.Epochs[i].TestAccuracy))
		}
	}
	score("linear evaluation", &r.Linear)
	score("linear evaluation with augmentation", r.LinearAugmented)
	score("fine-tuning", &r.Finetune)
	return string(b)
}

// files lists the artifacts that people may want, with the command that fetches and verifies them.
func (p *progress) files() string {
	var b []byte
	file := func(name string, a experiment.Artifact) {
		b = fmt.Appendf(b, "| %s | %s | %s |\n", name, p.link(a), humanize.Bytes(uint64(a.Size)))
	}
	if p.Best != nil && p.Best.Model.Key != "" {
		file("encoder of the selected epoch", p.Best.Model)
	}
	if n := len(p.Pretrain); n > 0 && p.Result == nil {
		file("newest checkpoint of pretraining", p.Pretrain[n-1].Checkpoint)
	}
	if p.Result != nil {
		for _, name := range workflow.DeterministicKeys(p.Result.Artifacts) {
			file(name, p.Result.Artifacts[name])
		}
	}
	if len(b) == 0 {
		return ""
	}
	return fmt.Sprintf("\n### Files\n\n`starter get %s --out %s` fetches and verifies them.\n\n"+
		"| file | key | size |\n| --- | --- | ---: |\n%s", p.Experiment, p.Experiment, b)
}

// link leads to an artifact where PrepareData said where browsers find them, else it is the key alone.
func (p *progress) link(a experiment.Artifact) string {
	if p.Data == nil || p.Data.ArtifactsURL == "" {
		return "`" + a.Key + "`"
	}
	return fmt.Sprintf("[%s](%s)", a.Key, p.Data.ArtifactsURL+a.Key)
}

// reason says by what an epoch was selected.
func reason(s experiment.Selection) string {
	if s.Criterion == experiment.CriterionLast {
		return s.Criterion
	}
	return s.Criterion + " " + experiment.Percent(s.Value)
}

// pretrainDetails is a Markdown table of the newest epochs.
func pretrainDetails(epochs []experiment.PretrainEpoch, planned int) string {
	var b []byte
	b = fmt.Appendf(b, "### Pretraining: %d of %d epochs\n\n", len(epochs), planned)
	b = append(b, "| epoch | loss | kNN | views/s | time |\n| ---: | ---: | ---: | ---: | ---: |\n"...)
	for _, e := range epochs[max(0, len(epochs)-recentEpochs):] {
		b = fmt.Appendf(b, "| %d | %.4f | %s | %.0f | %s |\n",
			e.Epoch, e.Loss, fraction(e.KNN), e.ViewsPerSecond, experiment.Seconds(e.Seconds))
	}
	return string(b)
}

// finetuneDetails is a Markdown table of the newest epochs.
func finetuneDetails(epochs []experiment.ClassifierEpoch, planned int) string {
	var b []byte
	b = fmt.Appendf(b, "### Fine-tuning: %d of %d epochs\n\n", len(epochs), planned)
	b = append(b, "| epoch | training loss | validation loss | validation accuracy | time |\n| ---: | ---: | ---: | ---: | ---: |\n"...)
	for _, e := range epochs[max(0, len(epochs)-recentEpochs):] {
		b = fmt.Appendf(b, "| %d | %.4f | %.4f | %s | %s |\n",
			e.Epoch, e.TrainLoss, e.ValidationLoss, experiment.Percent(e.ValidationAccuracy), experiment.Seconds(e.Seconds))
	}
	return string(b)
}

// ablationDetails is a Markdown table of the arms so far.
func ablationDetails(arms []experiment.AblationArm, planned int) string {
	var b []byte
	b = append(b, "### Ablation\n\n| labels | from | epochs | best validation accuracy |\n| ---: | --- | ---: | ---: |\n"...)
	for _, a := range arms {
		best := "–"
		if s, err := experiment.SelectClassifier(a.Epochs); err == nil {
			best = experiment.Percent(s.Value)
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
	return experiment.Percent(*v)
}
