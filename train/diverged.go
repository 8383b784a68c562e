package train

import (
	"errors"
	"fmt"
)

// ErrDiverged is what every DivergedError wraps.
var ErrDiverged = errors.New("training diverged")

// DivergedError says where the loss or a weight became infinite or not a number. The same spec diverges again: retrying
// is of no use.
type DivergedError struct {
	// Stage is one of experiment's stages, or an arm of the ablation.
	Stage string
	// Epoch counts from 1, Step from 1 since the beginning of the stage.
	Epoch, Step int
	Loss        float64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("%v in %s, epoch %d, step %d: loss %v: lower %s.optimizer.learning_rate or lengthen "+
		"%s.schedule.warmup_epochs", ErrDiverged, e.Stage, e.Epoch, e.Step, e.Loss, section(e.Stage), section(e.Stage))
}

func (e *DivergedError) Unwrap() error { return ErrDiverged }
