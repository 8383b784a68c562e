package main

import (
	"fmt"
	"slices"
	"time"

	"twinview/experiment"
)

// stages are in the order in which an experiment goes through them, up to its end.
var stages = slices.DeleteFunc(experiment.Stages(), func(s string) bool { return s == experiment.StageDone })

// narrator tells an experiment's progress in lines, each once.
type narrator struct {
	// stage is the number of stages that have ended; begun says that the next one has been told of.
	stage int
	begun bool
	// since is when that one was seen to begin; zero where nobody was watching.
	since time.Time
	// watched is false until the first observation: what has happened before it took an unknown time.
	watched bool
	// pretrained, augmented (linear evaluation with augmentation), finetuned and ablated (all arms) count the epochs told.
	pretrained, augmented, finetuned, ablated int
	// retried says that the divergence has been told of.
	retried bool
	// changed counts the changes told, rolledBack the times that training went back.
	changed, rolledBack int
}

// tell returns the lines that are new in p.
func (n *narrator) tell(p experiment.Progress, now time.Time) []string {
	current := slices.Index(stages, p.Stage)
	if p.Stage == experiment.StageDone {
		current = len(stages)
	}
	var lines []string
	for n.stage < len(stages) && n.stage <= current {
		if slices.Contains(p.LeftOut, stages[n.stage]) {
			n.stage++
			continue
		}
		lines = append(lines, n.begin(p, now)...)
		lines = append(lines, n.epochs(p)...)
		if n.stage == current {
			break
		}
		lines = append(lines, n.end(p, now))
	}
	n.watched = true
	lines = append(lines, n.changes(p)...)
	return append(lines, n.rollBacks(p)...)
}

// rollBacks are those that have not been told.
func (n *narrator) rollBacks(p experiment.Progress) []string {
	var lines []string
	for ; n.rolledBack < len(p.RollBacks); n.rolledBack++ {
		r := p.RollBacks[n.rolledBack]
		lines = append(lines, row(r.Stage, "%s, at %s", r, r.At.Local().Format(time.DateTime)))
	}
	return lines
}

// changes are those by people that have not been told.
func (n *narrator) changes(p experiment.Progress) []string {
	var lines []string
	for ; n.changed < len(p.Changes); n.changed++ {
		c := p.Changes[n.changed]
		lines = append(lines, row(c.Stage, "%s, at %s", c, c.At.Local().Format(time.DateTime)))
	}
	return lines
}

func (n *narrator) begin(p experiment.Progress, now time.Time) []string {
	if n.begun {
		return nil
	}
	n.begun = true
	// A stage that has ended already began at an unknown time.
	if n.watched || stages[n.stage] == experiment.StagePrepare && p.Stage == experiment.StagePrepare {
		n.since = now
	}
	switch stages[n.stage] {
	case experiment.StagePretrain:
		return []string{row(experiment.StagePretrain, "begins: %d epochs", p.PretrainEpochs)}
	case experiment.StageLinearAugmented:
		return []string{row(experiment.StageLinearAugmented, "begins: %d epochs", p.LinearAugmentedEpochs)}
	case experiment.StageFinetune:
		return []string{row(experiment.StageFinetune, "begins: %d epochs", p.FinetuneEpochs)}
	case experiment.StageAblation:
		return []string{row(experiment.StageAblation, "begins: %d epochs an arm", p.AblationEpochs)}
	}
	return []string{row(stages[n.stage], "begins")}
}

func (n *narrator) end(p experiment.Progress, now time.Time) string {
	text := "done"
	if took := now.Sub(n.since); !n.since.IsZero() && took > 0 {
		text += " in " + seconds(took.Seconds())
	}
	if outcome := outcomeOf(stages[n.stage], p); outcome != "" {
		text += ": " + outcome
	}
	line := row(stages[n.stage], "%s", text)
	n.stage++
	n.begun, n.since = false, time.Time{}
	return line
}

// epochs are those of the current stage that have not been told.
func (n *narrator) epochs(p experiment.Progress) []string {
	var lines []string
	switch stages[n.stage] {
	case experiment.StagePretrain:
		for ; n.pretrained < len(p.Pretrain); n.pretrained++ {
			lines = append(lines, n.retry(p.Pretrain[n.pretrained].Retry)...)
			lines = append(lines, pretrainLine(p.Pretrain[n.pretrained], p.PretrainEpochs))
		}
		if p.Retry != nil && p.Retry.Epoch == len(p.Pretrain)+1 { // under way
			lines = append(lines, n.retry(p.Retry)...)
		}
	case experiment.StageLinearAugmented:
		for ; n.augmented < len(p.LinearAugmented); n.augmented++ {
			lines = append(lines, classifierLine(stages[n.stage], p.LinearAugmented[n.augmented], p.LinearAugmentedEpochs))
		}
	case experiment.StageFinetune:
		for ; n.finetuned < len(p.Finetune); n.finetuned++ {
			lines = append(lines, classifierLine(stages[n.stage], p.Finetune[n.finetuned], p.FinetuneEpochs))
		}
	case experiment.StageAblation:
		told := armLines(p)
		lines = append(lines, told[min(n.ablated, len(told)):]...)
		n.ablated = max(n.ablated, len(told))
	}
	return lines
}

// retry tells of a divergence, once.
func (n *narrator) retry(r *experiment.Retry) []string {
	if r == nil || n.retried {
		return nil
	}
	n.retried = true
	return []string{row(experiment.StagePretrain, "%s", r)}
}

func pretrainLine(e experiment.PretrainEpoch, planned int) string {
	knn := "–"
	if e.KNN != nil {
		knn = percent(*e.KNN)
	}
	if e.Epoch == 0 {
		return row(experiment.StagePretrain, "no training  kNN %s", knn)
	}
	return row(experiment.StagePretrain, "%s  loss %.4f  kNN %s  %.0f views/s  %s",
		epochOf(e.Epoch, planned), e.Loss, knn, e.ViewsPerSecond, seconds(e.Seconds))
}

func classifierLine(stage string, e experiment.ClassifierEpoch, planned int) string {
	return row(stage, "%s  loss %.4f  accuracy %s  validation loss %.4f  accuracy %s  %s",
		epochOf(e.Epoch, planned), e.TrainLoss, percent(e.TrainAccuracy),
		e.ValidationLoss, percent(e.ValidationAccuracy), seconds(e.Seconds))
}

// armLines are a line for each epoch of each arm, in the order in which they were trained.
func armLines(p experiment.Progress) []string {
	var lines []string
	for _, arm := range p.Ablation {
		for _, e := range arm.Epochs {
			lines = append(lines, row(experiment.StageAblation, "%s, %d labels  %s  loss %.4f  validation accuracy %s  %s",
				arm.Start, arm.Labels, epochOf(e.Epoch, p.AblationEpochs), e.TrainLoss, percent(e.ValidationAccuracy),
				seconds(e.Seconds)))
		}
	}
	return lines
}

// outcomeOf is what a stage has led to, empty where that is not known or nothing to speak of.
func outcomeOf(stage string, p experiment.Progress) string {
	switch {
	case stage == experiment.StagePrepare && p.Data != nil:
		return fmt.Sprintf("%s, %d training, %d validation, %d test images, SHA-256 %.12s…",
			p.Data.Name, p.Data.Train, p.Data.Validation, p.Data.Test, p.Data.SHA256)
	case stage == experiment.StageSelect && p.Best != nil:
		return selectionLine(*p.Best)
	case stage == experiment.StageLinear && p.Linear != nil:
		return selectionLine(p.Linear.Best)
	case stage == experiment.StageLinearAugmented && p.Result != nil && p.Result.LinearAugmented != nil:
		return selectionLine(p.Result.LinearAugmented.Best)
	case stage == experiment.StageFinetune && p.Result != nil:
		return selectionLine(p.Result.Finetune.Best)
	case stage == experiment.StageTest && p.Result != nil && len(p.Result.Data.Classes) > 0:
		return "kNN accuracy " + percent(p.Result.Test.KNNAccuracy)
	}
	return ""
}

func selectionLine(s experiment.Selection) string {
	if s.Criterion == experiment.CriterionLast {
		return fmt.Sprintf("epoch %d, %s", s.Epoch, s.Criterion)
	}
	return fmt.Sprintf("epoch %d, %s %s", s.Epoch, s.Criterion, percent(s.Value))
}

// heartbeatLine is where a running epoch is.
func heartbeatLine(h experiment.Heartbeat) string {
	if h.Steps == 0 {
		return row(h.Stage, "working ...")
	}
	return row(h.Stage, "epoch %d  step %d/%d  loss %.4f  %.0f views/s", h.Epoch, h.Step, h.Steps, h.Loss, h.ViewsPerSecond)
}

func row(stage, format string, arguments ...any) string {
	return fmt.Sprintf("%-9s ", stage) + fmt.Sprintf(format, arguments...)
}

func epochOf(epoch, planned int) string {
	digits := len(fmt.Sprint(planned))
	return fmt.Sprintf("epoch %*d/%d", digits, epoch, planned)
}

// percent prints a fraction.
func percent(fraction float64) string { return fmt.Sprintf("%.2f %%", 100*fraction) }

// seconds prints a duration as people say it.
func seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
