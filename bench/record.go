package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// record is one line of the output. Value is a median; Low and High are the extremes of the samples.
type record struct {
	Name      string  `json:"name"`
	Precision string  `json:"precision,omitempty"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Low       float64 `json:"low,omitempty"`
	High      float64 `json:"high,omitempty"`
	// Views is the batch.
	Views int `json:"views,omitempty"`
	// Layer is a convolution, which the network has Count times; Kernel is whose.
	Layer     string  `json:"layer,omitempty"`
	Direction string  `json:"direction,omitempty"`
	Count     int     `json:"count,omitempty"`
	Kernel    string  `json:"kernel,omitempty"`
	GFlops    float64 `json:"gflops,omitempty"`
	// Op is a kind of op and its direction, Mode a way to run PyTorch.
	Op   string `json:"op,omitempty"`
	Mode string `json:"mode,omitempty"`
	Note string `json:"note,omitempty"`
}

// samples are repeated measurements of one thing, mostly seconds.
type samples []float64

func (s *samples) add(v float64) { *s = append(*s, v) }

func (s samples) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// rate is how many of n are done in a second.
func (s samples) rate(name, unit string, n int) record {
	return record{
		Name: name, Unit: unit, Value: float64(n) / s.median(),
		Low: float64(n) / slices.Max(s), High: float64(n) / slices.Min(s),
	}
}

// plain is the record of samples that are values themselves.
func (s samples) plain(name, unit string) record {
	return record{Name: name, Unit: unit, Value: s.median(), Low: slices.Min(s), High: slices.Max(s)}
}

// ratio divides two records of one precision; false where one of them is missing.
func ratio(name, numerator, denominator, precision string, records []record) (record, bool) {
	n, d := find(records, numerator, precision), find(records, denominator, precision)
	if n == nil || d == nil {
		return record{}, false
	}
	return record{Name: name, Precision: precision, Value: n.Value / d.Value, Unit: "ratio", Views: n.Views}, true
}

func find(records []record, name, precision string) *record {
	i := slices.IndexFunc(records, func(r record) bool { return r.Name == name && r.Precision == precision })
	if i < 0 {
		return nil
	}
	return &records[i]
}

func writeJSON(w io.Writer, records []record) error {
	encoder := json.NewEncoder(w)
	for _, r := range records {
		for _, v := range []*float64{&r.Value, &r.Low, &r.High} {
			*v = rounded(*v)
		}
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("write the record of %s: %w", r.Name, err)
		}
	}
	return nil
}

// rounded leaves six digits, more than any of this is good for.
func rounded(v float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return short
}
