package experiment

import "time"

// Progress answers the query "progress".
type Progress struct {
	Experiment string `json:"experiment"`
	Method     string `json:"method"`
	Stage      string `json:"stage"`
	// LeftOut are the stages that the experiment does not have.
	LeftOut []string `json:"left_out,omitempty"`
	// Paused says that nothing is computed until UpdateResume; Changes are all that people changed, in order.
	Paused  bool     `json:"paused,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	// RollBacks tell of each time that training went back because an artifact was lost, in order.
	RollBacks []RollBack `json:"roll_backs,omitempty"`
	// Begun tells when the stages began, in order; none in experiments of older versions.
	Begun []StageBegun `json:"begun,omitempty"`
	// PretrainEpochs, LinearAugmentedEpochs, FinetuneEpochs and AblationEpochs (of each arm) are the planned numbers.
	PretrainEpochs        int             `json:"pretrain_epochs"`
	LinearAugmentedEpochs int             `json:"linear_augmented_epochs,omitempty"`
	FinetuneEpochs        int             `json:"finetune_epochs"`
	AblationEpochs        int             `json:"ablation_epochs,omitempty"`
	Data                  *PreparedData   `json:"data,omitempty"`
	Pretrain              []PretrainEpoch `json:"pretrain,omitempty"`
	// Retry is that of pretraining after a divergence, nil where there was none.
	Retry           *Retry            `json:"retry,omitempty"`
	Best            *Selection        `json:"best,omitempty"`
	Linear          *Classification   `json:"linear,omitempty"`
	LinearAugmented []ClassifierEpoch `json:"linear_augmented,omitempty"`
	Finetune        []ClassifierEpoch `json:"finetune,omitempty"`
	Ablation        []AblationArm     `json:"ablation,omitempty"`
	Result          *Result           `json:"result,omitempty"`
}

// StageBegun is the beginning of a stage. One that comes again because an artifact was lost begins again.
type StageBegun struct {
	Stage string    `json:"stage"`
	At    time.Time `json:"at"`
}

// Loss is the mean over pretraining's newest epoch, nil before there is one.
func (p *Progress) Loss() *float64 {
	n := len(p.Pretrain)
	if n == 0 || p.Pretrain[n-1].Epoch == 0 {
		return nil
	}
	return new(p.Pretrain[n-1].Loss)
}

// BestAccuracy is the highest on the validation split so far, of whichever protocol but the ablation's; nil before there is one.
func (p *Progress) BestAccuracy() *float64 {
	var best *float64
	better := func(accuracy float64) {
		if best == nil || accuracy > *best {
			best = &accuracy
		}
	}
	for _, e := range p.Pretrain {
		if e.KNN != nil {
			better(*e.KNN)
		}
	}
	if p.Linear != nil && len(p.Linear.Epochs) > 0 {
		better(p.Linear.Best.Value)
	}
	for _, epochs := range [][]ClassifierEpoch{p.LinearAugmented, p.Finetune} {
		for _, e := range epochs {
			better(e.ValidationAccuracy)
		}
	}
	return best
}

// Heartbeat is what a running activity reports about itself.
type Heartbeat struct {
	Stage string  `json:"stage"`
	Epoch int     `json:"epoch"`
	Step  int     `json:"step"`
	Steps int     `json:"steps"`
	Loss  float64 `json:"loss"`
	// ViewsPerSecond is the rate of this epoch so far.
	ViewsPerSecond float64 `json:"views_per_second"`
	// Hardware describes the worker's machine in a line.
	Hardware string `json:"hardware,omitempty"`
	// ResumedAt is the number of the epoch's steps that this attempt found done, 0 where it began with the epoch.
	ResumedAt int `json:"resumed_at,omitempty"`
	// Unexpected is the number of earlier attempts that ended with an error which nobody foresaw.
	Unexpected int `json:"unexpected,omitempty"`
	// Checkpoints are those inside the epoch from which another attempt can go on, the newest first, at most two.
	Checkpoints []StepCheckpoint `json:"checkpoints,omitempty"`
}

// StepCheckpoint is a training state between two steps of an epoch.
type StepCheckpoint struct {
	// Step is the number of the epoch's steps done.
	Step       int      `json:"step"`
	Checkpoint Artifact `json:"checkpoint"`
	// Usage is what the attempts that led to it took of their machines.
	Usage *Usage `json:"usage,omitempty"`
}
