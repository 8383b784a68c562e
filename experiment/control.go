package experiment

import (
	"fmt"
	"time"
)

// Updates that a running WorkflowExperiment takes. Each is refused, with the reason, where it makes no sense, and else
// returns the Change that it made. What a stage has begun goes on from its last checkpoint.
const (
	// UpdatePause has no argument. The epoch under way stops behind its present step and leaves a checkpoint; a shorter
	// activity is finished. Then nothing is computed until UpdateResume.
	UpdatePause = "pause"
	// UpdateResume has no argument.
	UpdateResume = "resume"
	// UpdateStop has no argument. It ends the present stage, pretraining, linear evaluation with augmentation or
	// fine-tuning, with the epochs that are done, and goes on to the next. The epoch under way is given up, except the first,
	// which is finished.
	UpdateStop = "stop"
	// UpdateExtend has an Extension. It changes the number of pretraining's epochs from the next epoch on.
	UpdateExtend = "extend"
)

// Extension is the argument of UpdateExtend.
type Extension struct {
	// Epochs is the new number of pretraining's epochs in all: more than before or fewer, but at least those that are done.
	Epochs int `json:"epochs"`
}

// Change is what an update has made of a running experiment.
type Change struct {
	At time.Time `json:"at"`
	// Update is its name.
	Update string `json:"update"`
	// Stage is where the experiment was, Done the number of its epochs that were done.
	Stage string `json:"stage"`
	Done  int    `json:"done"`
	// Epochs is the number of pretraining's epochs from then on and Before the one until then; 0 where they were not changed.
	Epochs int `json:"epochs,omitempty"`
	Before int `json:"before,omitempty"`
}

// String says what the change is, without its time: "paused in stage pretrain, epochs done: 3".
func (c Change) String() string {
	where := fmt.Sprintf("in stage %s, epochs done: %d", c.Stage, c.Done)
	switch c.Update {
	case UpdatePause:
		return "paused " + where
	case UpdateResume:
		return "resumed " + where
	case UpdateStop:
		if c.Done == 0 {
			return fmt.Sprintf("stage %s is stopped as soon as its first epoch is done", c.Stage)
		}
		return fmt.Sprintf("stage %s is stopped, epochs done: %d", c.Stage, c.Done)
	case UpdateExtend:
		return fmt.Sprintf("pretrain.epochs changed from %d to %d %s", c.Before, c.Epochs, where)
	}
	return c.Update + " " + where
}
