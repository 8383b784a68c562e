// Package result has what a check of a GPU comes to: steps and their figures, as results.json has them.
package result

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// Status is how far a step came, and how it ended.
type Status string

// The states that a step can have.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
	// These are what is left of a check that was interrupted in a step, or killed while one was Running.
	Interrupted Status = "interrupted"
	Running     Status = "running"
	NotReached  Status = "not reached"
)

// Step is one part of a check.
type Step struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Reason says why a step failed or was skipped.
	Reason  string  `json:"reason,omitempty"`
	Seconds float64 `json:"seconds"`
	// Clocks are what nvidia-smi told while the step ran.
	Clocks  *Clocks  `json:"clocks,omitempty"`
	Figures []Figure `json:"figures,omitempty"`
	// Tests are those of a step that is made of them.
	Tests []Step `json:"tests,omitempty"`
}

// Clocks are a device's at work. Median is that of the samples, in MHz, watts and degrees Celsius.
type Clocks struct {
	Samples      int     `json:"samples"`
	MedianSM     float64 `json:"median_sm_mhz"`
	MostSM       float64 `json:"most_sm_mhz"`
	MedianMemory float64 `json:"median_memory_mhz"`
	MedianWatts  float64 `json:"median_watts"`
	MostWatts    float64 `json:"most_watts"`
	MostCelsius  float64 `json:"most_celsius"`
}

// Figure is something that was measured. Value is a median where Low and High are the extremes.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Low   float64 `json:"low,omitempty"`
	High  float64 `json:"high,omitempty"`
	// Of is what it is of, for example a layer.
	Of string `json:"of,omitempty"`
	// Kernel was launched, in Direction where it is a convolution's, Count times in a training step. It takes at least Bytes of the
	// memory's traffic and GFLOP of arithmetic, which can't take less than Bound, in the figure's unit; Roofline is Bound/Value.
	Kernel    string  `json:"kernel,omitempty"`
	Direction string  `json:"direction,omitempty"`
	Count     int     `json:"count,omitempty"`
	Bytes     float64 `json:"bytes,omitempty"`
	GFLOP     float64 `json:"gflop,omitempty"`
	Bound     float64 `json:"bound,omitempty"`
	Roofline  float64 `json:"roofline,omitempty"`
	// Rank is 1 for the fastest of several kernels for the same, and Chosen is set for that which the engine takes.
	Rank   int  `json:"rank,omitempty"`
	Chosen bool `json:"chosen,omitempty"`
	// Rounds are those so far of which it is the median. It takes the place of an earlier figure with the same Name and Of.
	Rounds int    `json:"rounds,omitempty"`
	Note   string `json:"note,omitempty"`
}

// Add adds a figure to others, or puts it in the place of the one that it takes.
func Add(figures []Figure, f Figure) []Figure {
	same := func(other Figure) bool { return other.Name == f.Name && other.Of == f.Of }
	if at := slices.IndexFunc(figures, same); f.Rounds > 0 && at >= 0 {
		figures[at] = f
		return figures
	}
	return append(figures, f)
}

// Samples are repeated measurements of one thing, in seconds mostly.
type Samples []float64

// Median is the middle one, or between the two in the middle.
func (s Samples) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Figure is that of samples, each multiplied by a factor.
func (s Samples) Figure(name, unit string, factor float64) Figure {
	return Figure{Name: name, Unit: unit, Value: s.Median() * factor, Low: slices.Min(s) * factor, High: slices.Max(s) * factor}
}

// Rate is that of samples in each of which n are done. Each sample is a round.
func (s Samples) Rate(name, unit string, n float64) Figure {
	return Figure{
		Name: name, Unit: unit, Value: n / s.Median(), Low: n / slices.Max(s), High: n / slices.Min(s), Rounds: len(s),
	}
}

// Read reads what Write wrote, to its end.
func Read(r io.Reader) (figures []Figure, err error) {
	for decoder := json.NewDecoder(r); ; {
		var f Figure
		if err := decoder.Decode(&f); err == io.EOF {
			return figures, nil
		} else if err != nil {
			return figures, fmt.Errorf("read figure %d: %w", len(figures)+1, err)
		}
		figures = append(figures, f)
	}
}

// Write writes figures as lines of JSON.
func Write(w io.Writer, figures ...Figure) error {
	encoder := json.NewEncoder(w)
	for _, f := range figures {
		for _, v := range []*float64{&f.Value, &f.Low, &f.High, &f.Bytes, &f.GFLOP, &f.Bound, &f.Roofline} {
			*v = rounded(*v)
		}
		if err := encoder.Encode(f); err != nil {
			return fmt.Errorf("write the figure %s: %w", f.Name, err)
		}
	}
	return nil
}

// rounded leaves six digits, more than any of this is good for.
func rounded(v float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return short
}
