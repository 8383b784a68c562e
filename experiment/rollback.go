package experiment

import (
	"fmt"
	"time"
)

// RollBack tells that training went back because an artifact was lost.
type RollBack struct {
	At time.Time `json:"at"`
	// Stage is that of the training.
	Stage string `json:"stage"`
	// Lost is the key of what could not be read back.
	Lost string `json:"lost"`
	// Epochs is the number of epochs behind which training went on, 0 where it began again.
	Epochs int `json:"epochs"`
	// Aside are the keys under which what was damaged lies now.
	Aside []string `json:"aside,omitempty"`
}

// String says what happened, without its time.
func (r RollBack) String() string {
	to := fmt.Sprintf("epoch %d", r.Epochs)
	if r.Epochs == 0 {
		to = "its beginning"
	}
	return fmt.Sprintf("%s can't be read back: %s went back to %s", r.Lost, r.Stage, to)
}
