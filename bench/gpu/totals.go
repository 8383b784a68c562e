//go:build gpu

package main

import (
	"strings"

	"twinview/bench/gpu/result"
	"twinview/experiment"
)

// totals add up what a training step of SimCLR in bfloat16 launches, in µs: the convolutions by the kernels that are tried first, by
// the fastest, and at best; and everything else that is counted.
type totals struct{ first, fastest, bound, others, othersBound float64 }

func (t *totals) add(figures []result.Figure) {
	for _, f := range figures {
		if f.Name != "kernel" || !inStep(f) {
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

// inStep tells whether a kernel is part of the step. Of those in float32 the views are, what is behind the encoder and what belongs to
// parameters; matrix products are left out.
func inStep(f result.Figure) bool {
	if f.Of == "Barlow Twins" || strings.HasSuffix(f.Of, "views of "+experiment.BarlowTwins) || anotherRule[f.Kernel] {
		return false
	}
	if strings.Contains(f.Kernel, "float32") || strings.Contains(f.Kernel, "tf32") {
		return f.Kernel == "augment_float32" || f.Kernel == "scale_float32" || f.Of == projectionHead
	}
	return true
}

// anotherRule are the optimisers' kernels beside SGD's.
var anotherRule = map[string]bool{"lars_norms": true, "lars": true, "adamw": true}

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
