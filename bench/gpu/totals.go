//go:build gpu

package main

import (
	"twinview/bench/gpu/result"
)

// totals add up what a training step of SimCLR in bfloat16 launches, in µs: the convolutions by the kernels that are tried first, by
// the fastest, and at best; and everything else that is counted.
type totals struct{ first, fastest, bound, others, othersBound float64 }

func (t *totals) add(figures []result.Figure) {
	for _, f := range figures {
		if f.Name != "kernel" || !f.InStep() {
			continue
		}
		count := float64(f.Count)
		if f.Chosen {
			t.first += count * f.Value
		}
		switch {
		case f.Rank == 1:
			t.fastest += count * f.Value
			t.bound += count * f.Bound
		case f.Rank == 0:
			t.others += count * f.Value
			t.othersBound += count * f.Bound
		}
	}
}

func (t *totals) figures() []result.Figure {
	milliseconds := func(of string, value, bound float64) result.Figure {
		return result.Figure{Name: "step", Of: of, Value: value / 1e3, Unit: "ms", Bound: bound / 1e3, Roofline: bound / max(value, 1e-9)}
	}
	return []result.Figure{
		milliseconds("convolutions in bfloat16 by the fastest kernels", t.fastest, t.bound),
		milliseconds("convolutions in bfloat16 by those listed first", t.first, t.bound),
		milliseconds("everything else in bfloat16, but for matrix products", t.others, t.othersBound),
	}
}
