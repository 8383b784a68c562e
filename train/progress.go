package train

import (
	"encoding/json"
	"fmt"
	"time"
)

// progress is what an epoch under way has behind it: how far it is, and what its statistics need of the steps done. It is
// written as JSON, which brings every float64 back in the same bits.
type progress struct {
	// Done steps of Steps are behind the state; at Done = Steps only the end of the epoch is missing.
	Done  int `json:"done"`
	Steps int `json:"steps"`
	// Loss is the sum of the steps' losses, each divided by Steps, in the order of the steps.
	Loss float64 `json:"loss"`
	// Correct is the number of rows that were classified rightly.
	Correct      int     `json:"correct"`
	LearningRate float64 `json:"learning_rate"`
	// The times are those of EpochStats. Steps that were lost with a worker have no part in them.
	Seconds         float64 `json:"seconds"`
	DataWaitSeconds float64 `json:"data_wait_seconds"`
}

// stats are those of the steps so far, each on the given number of views.
func (p progress) stats(views int) EpochStats {
	s := EpochStats{
		Loss: p.Loss, LearningRate: p.LearningRate, Accuracy: float64(p.Correct) / float64(p.Steps*views),
		Seconds: p.Seconds, DataWaitSeconds: p.DataWaitSeconds,
	}
	if p.Seconds > 0 {
		s.ViewsPerSecond = float64(p.Done*views) / p.Seconds
	}
	return s
}

// lap returns the seconds since start and begins the next lap.
func lap(start *time.Time) float64 {
	now := time.Now()
	seconds := now.Sub(*start).Seconds()
	*start = now
	return seconds
}

// readProgress decodes what a state's metadata says of an epoch under way.
func readProgress(text string) (*progress, error) {
	p := &progress{}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return nil, fmt.Errorf("read training state: metadata %q: %w", underWay, err)
	}
	if p.Done < 1 || p.Done > p.Steps {
		return nil, fmt.Errorf("read training state: metadata %q: %d of %d steps done: at least 1 and at most all can be",
			underWay, p.Done, p.Steps)
	}
	return p, nil
}

// stepsDone is how many of the epoch's steps are behind the state. It refuses a state that was on its way through an epoch
// of another number of steps: that was on other data.
func (s *State) stepsDone(steps int) (int, error) {
	if s.progress == nil {
		return 0, nil
	}
	if s.progress.Steps != steps {
		return 0, fmt.Errorf("%w: it is inside an epoch of %d steps, but on this data an epoch has %d", ErrOtherState,
			s.progress.Steps, steps)
	}
	return s.progress.Done, nil
}

// StepsDone is the number of steps that the state has behind it in the epoch under way, 0 between two epochs.
func (s *State) StepsDone() int {
	if s.progress == nil {
		return 0
	}
	return s.progress.Done
}
