package train

import (
	"errors"
	"fmt"

	"twinview/experiment"
)

// ErrDiverged is what every DivergedError wraps.
var ErrDiverged = errors.New("training diverged")

// DivergedError says where the loss or a weight became infinite or not a number, and what to try. The same spec diverges
// again: retrying is of no use.
type DivergedError struct {
	// Stage is one of experiment's stages, or an arm of the ablation.
	Stage string
	// Epoch counts from 1, Step from 1 since the beginning of the stage.
	Epoch, Step int
	Loss        float64
	// again says that learning rates have been reduced already, more what to try beside smaller ones; empty where there is
	// nothing to say.
	again, more string
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("%v in %s, epoch %d, step %d: loss %v%s: its steps were too large: lower %s.optimizer.learning_rate, for "+
		"example to half of it, or lengthen %s.schedule.warmup_epochs%s", ErrDiverged, e.Stage, e.Epoch, e.Step, e.Loss, e.again,
		section(e.Stage), section(e.Stage), e.more)
}

func (e *DivergedError) Unwrap() error { return ErrDiverged }

// advise adds what the spec leaves to try in pretraining.
func (e *DivergedError) advise(spec *experiment.Spec, s *State) {
	if s.RateFactor() != 1 {
		e.again = fmt.Sprintf(", for the second time, with learning rates %v times as large as in the spec", s.RateFactor())
	}
	if spec.Method.Name == experiment.SimCLR {
		e.more += fmt.Sprintf("; raise method.temperature, which is %v: a low one makes steep losses", spec.Method.Temperature)
	}
	if p := spec.Compute.Precision; p != experiment.Float32 && p != "" {
		e.more += "; set compute.precision to float32, which rounds less"
	}
	if spec.Pretrain.Divergence == nil {
		e.more += "; or add the section \"divergence: {}\" to pretrain: then an experiment goes back to the checkpoint before, once, " +
			"and on with half the learning rate"
	}
}
