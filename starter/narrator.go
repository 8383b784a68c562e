package main

import (
	"fmt"
	"slices"
	"time"

	"twinview/experiment"
)

// stages are in the order in which an experiment goes through them, up to its end.
var stages = slices.DeleteFunc(experiment.Stages(), func(s string) bool { return s == experiment.StageDone })

// narrator tells what happens in an experiment, each event once.
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

// tell returns the events that are new in p.
func (n *narrator) tell(p experiment.Progress, now time.Time) []event {
	current := slices.Index(stages, p.Stage)
	if p.Stage == experiment.StageDone {
		current = len(stages)
	}
	var events []event
	for n.stage < len(stages) && n.stage <= current {
		if slices.Contains(p.LeftOut, stages[n.stage]) {
			n.stage++
			continue
		}
		events = append(events, n.begin(p, now)...)
		events = append(events, n.epochs(p)...)
		if n.stage == current {
			break
		}
		events = append(events, n.end(p, now))
	}
	n.watched = true
	events = append(events, n.changes(p)...)
	return append(events, n.rollBacks(p)...)
}

// rollBacks are those that have not been told.
func (n *narrator) rollBacks(p experiment.Progress) []event {
	var events []event
	for ; n.rolledBack < len(p.RollBacks); n.rolledBack++ {
		r := p.RollBacks[n.rolledBack]
		events = append(events, event{kind: eventRollBack, stage: r.Stage, detail: r,
			text: fmt.Sprintf("%s, at %s", r, r.At.Local().Format(time.DateTime))})
	}
	return events
}

// changes are those by people that have not been told.
func (n *narrator) changes(p experiment.Progress) []event {
	var events []event
	for ; n.changed < len(p.Changes); n.changed++ {
		c := p.Changes[n.changed]
		events = append(events, event{kind: eventChange, stage: c.Stage, detail: c,
			text: fmt.Sprintf("%s, at %s", c, c.At.Local().Format(time.DateTime))})
	}
	return events
}

func (n *narrator) begin(p experiment.Progress, now time.Time) []event {
	if n.begun {
		return nil
	}
	n.begun = true
	// A stage that has ended already began at an unknown time.
	if n.watched || stages[n.stage] == experiment.StagePrepare && p.Stage == experiment.StagePrepare {
		n.since = now
	}
	e := event{kind: eventBegin, stage: stages[n.stage], text: "begins"}
	if epochs := plannedEpochs(e.stage, p); epochs > 0 {
		e.detail, e.text = begunDetail{epochs}, fmt.Sprintf("begins: %d epochs", epochs)
	}
	if e.stage == experiment.StageAblation {
		e.text += " an arm"
	}
	return []event{e}
}

// plannedEpochs is 0 for a stage that has none one by one.
func plannedEpochs(stage string, p experiment.Progress) int {
	switch stage {
	case experiment.StagePretrain:
		return p.PretrainEpochs
	case experiment.StageLinearAugmented:
		return p.LinearAugmentedEpochs
	case experiment.StageFinetune:
		return p.FinetuneEpochs
	case experiment.StageAblation:
		return p.AblationEpochs
	}
	return 0
}

func (n *narrator) end(p experiment.Progress, now time.Time) event {
	e := event{kind: eventEnd, stage: stages[n.stage], text: "done"}
	if took := now.Sub(n.since); !n.since.IsZero() && took > 0 {
		e.text += " in " + experiment.Seconds(took.Seconds())
		e.detail = doneDetail{took.Seconds()}
	}
	if outcome := outcomeOf(stages[n.stage], p); outcome != "" {
		e.text += ": " + outcome
	}
	n.stage++
	n.begun, n.since = false, time.Time{}
	return e
}

// epochs are those of the current stage that have not been told.
func (n *narrator) epochs(p experiment.Progress) []event {
	var events []event
	stage := stages[n.stage]
	switch stage {
	case experiment.StagePretrain:
		for ; n.pretrained < len(p.Pretrain); n.pretrained++ {
			events = append(events, n.retry(p.Pretrain[n.pretrained].Retry)...)
			events = append(events, pretrainEvent(p.Pretrain[n.pretrained], p.PretrainEpochs))
		}
		if p.Retry != nil && p.Retry.Epoch == len(p.Pretrain)+1 { // under way
			events = append(events, n.retry(p.Retry)...)
		}
	case experiment.StageLinearAugmented:
		for ; n.augmented < len(p.LinearAugmented); n.augmented++ {
			events = append(events, classifierEvent(stage, p.LinearAugmented[n.augmented], p.LinearAugmentedEpochs))
		}
	case experiment.StageFinetune:
		for ; n.finetuned < len(p.Finetune); n.finetuned++ {
			events = append(events, classifierEvent(stage, p.Finetune[n.finetuned], p.FinetuneEpochs))
		}
	case experiment.StageAblation:
		told := armEvents(p)
		events = append(events, told[min(n.ablated, len(told)):]...)
		n.ablated = max(n.ablated, len(told))
	}
	return events
}

// retry tells of a divergence, once.
func (n *narrator) retry(r *experiment.Retry) []event {
	if r == nil || n.retried {
		return nil
	}
	n.retried = true
	return []event{{kind: eventDiverged, stage: experiment.StagePretrain, detail: r, text: r.String()}}
}

func pretrainEvent(e experiment.PretrainEpoch, planned int) event {
	told := event{kind: eventEpoch, stage: experiment.StagePretrain, detail: e}
	knn := "–"
	if e.KNN != nil {
		knn = experiment.Percent(*e.KNN)
	}
	if e.Epoch == 0 {
		told.text = "no training  kNN " + knn
		return told
	}
	told.text = fmt.Sprintf("%s  loss %.4f  kNN %s  %.0f views/s  %s",
		epochOf(e.Epoch, planned), e.Loss, knn, e.ViewsPerSecond, experiment.Seconds(e.Seconds))
	return told
}

func classifierEvent(stage string, e experiment.ClassifierEpoch, planned int) event {
	return event{kind: eventEpoch, stage: stage, detail: e, text: fmt.Sprintf(
		"%s  loss %.4f  accuracy %s  validation loss %.4f  accuracy %s  %s",
		epochOf(e.Epoch, planned), e.TrainLoss, experiment.Percent(e.TrainAccuracy),
		e.ValidationLoss, experiment.Percent(e.ValidationAccuracy), experiment.Seconds(e.Seconds))}
}

// armEvents are one for each epoch of each arm, in the order in which they were trained.
func armEvents(p experiment.Progress) []event {
	var events []event
	for _, arm := range p.Ablation {
		for _, e := range arm.Epochs {
			events = append(events, event{
				kind: eventEpoch, stage: experiment.StageAblation, detail: armEpoch{arm.Arm, arm.Labels, e},
				text: fmt.Sprintf("%s, %d labels  %s  loss %.4f  validation accuracy %s  %s",
					arm.Start, arm.Labels, epochOf(e.Epoch, p.AblationEpochs), e.TrainLoss, experiment.Percent(e.ValidationAccuracy),
					experiment.Seconds(e.Seconds)),
			})
		}
	}
	return events
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
		return "kNN accuracy " + experiment.Percent(p.Result.Test.KNNAccuracy)
	}
	return ""
}

func selectionLine(s experiment.Selection) string {
	if s.Criterion == experiment.CriterionLast {
		return fmt.Sprintf("epoch %d, %s", s.Epoch, s.Criterion)
	}
	return fmt.Sprintf("epoch %d, %s %s", s.Epoch, s.Criterion, experiment.Percent(s.Value))
}

// heartbeatEvent is where a running epoch is.
func heartbeatEvent(h experiment.Heartbeat) event {
	e := event{kind: eventProgress, stage: h.Stage, detail: h, text: "working ..."}
	if h.Steps > 0 {
		e.text = fmt.Sprintf("epoch %d  step %d/%d  loss %.4f  %.0f views/s", h.Epoch, h.Step, h.Steps, h.Loss, h.ViewsPerSecond)
	}
	return e
}

func epochOf(epoch, planned int) string {
	digits := len(fmt.Sprint(planned))
	return fmt.Sprintf("epoch %*d/%d", digits, epoch, planned)
}
