package experiment

import "fmt"

// Divergence says what happens where the loss or a weight becomes infinite or not a number: that epoch is trained again from the
// checkpoint before it, or from the beginning, with smaller learning rates from there on. That is done once; a second
// divergence fails the experiment. A spec without the section fails at the first; one with an empty section gets the default.
type Divergence struct {
	// RateFactor is what every learning rate is multiplied by.
	RateFactor float64 `yaml:"rate_factor" json:"rate_factor"`
}

// defaultDivergence halves the rates, as is common where a loss stops going down.
func defaultDivergence() Divergence { return Divergence{RateFactor: 0.5} }

func (d *Divergence) check(c *checker, path string) {
	if d == nil {
		return
	}
	c.real(path+".rate_factor", d.RateFactor, span{low: 0, high: 1, openLow: true, openHigh: true},
		"it makes learning rates smaller; remove the section to let the experiment fail instead")
}

// Diverged is a divergence, the detail of an ErrorDiverged.
type Diverged struct {
	// Epoch counts from 1, Step from 1 since the beginning of the stage.
	Epoch int `json:"epoch"`
	Step  int `json:"step"`
	// Loss is that of the step as text, since JSON has neither "NaN" nor "+Inf". It is a number where a weight became infinite
	// or not a number.
	Loss string `json:"loss"`
}

// Retry is how pretraining went on after a divergence: the epoch that diverged and all behind it had smaller learning rates.
type Retry struct {
	Diverged
	// RateFactor is what they were multiplied by.
	RateFactor float64 `json:"rate_factor"`
}

// String says what happened in a sentence without its full stop.
func (r Retry) String() string {
	from := "the checkpoint before it"
	if r.Epoch == 1 {
		from = "the beginning"
	}
	return fmt.Sprintf("epoch %d diverged in step %d (loss %s): trained again from %s, with learning rates %v times as large "+
		"from there on", r.Epoch, r.Step, r.Loss, from, r.RateFactor)
}

// Retried is how pretraining went on after it had diverged, nil where it never did.
func Retried(epochs []PretrainEpoch) *Retry {
	for _, e := range epochs {
		if e.Retry != nil {
			return e.Retry
		}
	}
	return nil
}
