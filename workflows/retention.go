package workflows

import "twinview/experiment"

// bestMonitored is the index of the epoch with the highest validation kNN accuracy, the earliest of equals, or -1 where
// no epoch has been monitored yet. It is the rule of SelectCheckpoint, applied to the epochs so far.
func bestMonitored(epochs []experiment.PretrainEpoch) int {
	best := -1
	for i, e := range epochs {
		if e.KNN != nil && (best < 0 || *e.KNN > *epochs[best].KNN) {
			best = i
		}
	}
	return best
}

// superseded lists the pretraining checkpoints that the newest epoch made superfluous: older than the keepLast newest and
// not the best so far. An old epoch that is not the best so far can't become it any more, so nothing will ask for its
// checkpoint again. Called after every epoch, it names each checkpoint once.
func superseded(epochs []experiment.PretrainEpoch, keepLast int) []experiment.Artifact {
	if len(epochs) == 0 {
		return nil
	}
	before := kept(epochs[:len(epochs)-1], keepLast)
	after := kept(epochs, keepLast)
	var old []experiment.Artifact
	for i, e := range epochs {
		if before[i] && !after[i] {
			old = append(old, e.Checkpoint)
		}
	}
	return old
}

// kept holds the indices of the epochs whose checkpoints are still needed. The newest always is: the next epoch starts
// from it.
func kept(epochs []experiment.PretrainEpoch, keepLast int) map[int]bool {
	keep := make(map[int]bool)
	for i := max(0, len(epochs)-max(1, keepLast)); i < len(epochs); i++ {
		keep[i] = true
	}
	if best := bestMonitored(epochs); best >= 0 {
		keep[best] = true
	}
	return keep
}

// unselected lists the checkpoints of fine-tuning, linear evaluation with augmentation and the ablation's arms that nothing needs once the test split has
// been read: all but the selected ones.
func unselected(r *experiment.Result) []experiment.Artifact {
	rest := others(r.Finetune.Epochs, r.Finetune.Best)
	if l := r.LinearAugmented; l != nil {
		rest = append(rest, others(l.Epochs, l.Best)...)
	}
	for _, arm := range r.Ablation {
		rest = append(rest, others(arm.Epochs, arm.Best)...)
	}
	return rest
}

// others are the checkpoints of all epochs but the best.
func others(epochs []experiment.ClassifierEpoch, best experiment.Selection) []experiment.Artifact {
	var rest []experiment.Artifact
	for _, e := range epochs {
		if e.Epoch != best.Epoch && e.Checkpoint != nil {
			rest = append(rest, *e.Checkpoint)
		}
	}
	return rest
}
