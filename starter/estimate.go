package main

import (
	"time"

	"twinview/experiment"
)

// recent is how many epochs an estimate of the next ones goes by.
const recent = 3

// pace measures how fast an activity's steps go by.
type pace struct {
	// key and attempt say of what; step and at are where that was when it was first seen.
	key     string
	attempt int32
	step    int
	at      time.Time
}

// perStep is the time of one step of a, as it went since somebody watches, or since the attempt began; 0 where that is not known.
func (p *pace) perStep(a pending) time.Duration {
	h := a.heartbeat
	if h == nil || h.Steps == 0 || a.beat.IsZero() {
		return 0
	}
	if p.key != a.key || p.attempt != a.attempt || h.Step < p.step {
		*p = pace{key: a.key, attempt: a.attempt, step: h.Step, at: a.beat}
	}
	if steps := h.Step - p.step; steps > 0 {
		return a.beat.Sub(p.at) / time.Duration(steps)
	}
	if steps := h.Step - h.ResumedAt; steps > 0 && !a.started.IsZero() && a.beat.After(a.started) {
		return a.beat.Sub(a.started) / time.Duration(steps)
	}
	return 0
}

// epochLeft is how long the steps of the running epoch will take, at so much for each.
func epochLeft(h experiment.Heartbeat, perStep time.Duration) time.Duration {
	return time.Duration(max(0, h.Steps-h.Step)) * perStep
}

// stageLeft is how long a stage will take whose epoch is under way: that one, and those behind it as long as the last ones took
// or, before there are any, as this one does. It is 0 where nothing is known.
func stageLeft(p experiment.Progress, h experiment.Heartbeat, perStep time.Duration) time.Duration {
	var (
		planned int
		took    []float64
	)
	switch h.Stage {
	case experiment.StagePretrain:
		planned = p.PretrainEpochs
		for _, e := range p.Pretrain {
			took = append(took, secondsOf(e.Usage, e.Seconds+e.KNNSeconds))
		}
	case experiment.StageLinearAugmented:
		planned, took = p.LinearAugmentedEpochs, classifierSeconds(p.LinearAugmented)
	case experiment.StageFinetune:
		planned, took = p.FinetuneEpochs, classifierSeconds(p.Finetune)
	default:
		return 0
	}
	each := time.Duration(h.Steps) * perStep
	if len(took) > 0 {
		took = took[max(0, len(took)-recent):]
		sum := 0.0
		for _, s := range took {
			sum += s
		}
		each = time.Duration(sum / float64(len(took)) * float64(time.Second))
	}
	if each == 0 {
		return 0
	}
	return epochLeft(h, perStep) + time.Duration(max(0, planned-h.Epoch))*each
}

func classifierSeconds(epochs []experiment.ClassifierEpoch) []float64 {
	var all []float64
	for _, e := range epochs {
		all = append(all, secondsOf(e.Usage, e.Seconds))
	}
	return all
}

// secondsOf is the time of a whole activity, or of what was timed in it where that is not known.
func secondsOf(u *experiment.Usage, timed float64) float64 {
	if u == nil {
		return timed
	}
	return max(u.Seconds, timed)
}

// stageTimes are how long each stage has taken so far; without entry where nobody has noted its beginning.
func stageTimes(p experiment.Progress, now time.Time) map[string]time.Duration {
	took := map[string]time.Duration{}
	for i, begun := range p.Begun {
		end := now
		if i+1 < len(p.Begun) {
			end = p.Begun[i+1].At
		}
		took[begun.Stage] += end.Sub(begun.At)
	}
	return took
}
