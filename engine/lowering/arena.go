package lowering

import "slices"

// Arena hands out places in memory that is allocated only once all places are known. It is empty at first, and counts in units of
// the caller's choice.
type Arena struct {
	// Alignment is what every place is a multiple of, at least 1.
	Alignment int

	holes []hole // ordered, never adjacent
	size  int
}

// hole is free space: [from, to).
type hole struct{ from, to int }

// Size is the most that was ever used at once, as placed.
func (a *Arena) Size() int { return a.size }

// Take finds a place for n units in the smallest hole that fits, else at the end.
func (a *Arena) Take(n int) int {
	n = a.padded(n)
	best := -1
	for i, h := range a.holes {
		if h.to-h.from >= n && (best < 0 || h.to-h.from < a.holes[best].to-a.holes[best].from) {
			best = i
		}
	}
	if best < 0 {
		return a.grow(n)
	}
	from := a.holes[best].from
	if a.holes[best].from += n; a.holes[best].from == a.holes[best].to {
		a.holes = slices.Delete(a.holes, best, best+1)
	}
	return from
}

// grow takes n at the end, starting in the last hole if that reaches the end.
func (a *Arena) grow(n int) int {
	from := a.size
	if last := len(a.holes) - 1; last >= 0 && a.holes[last].to == a.size {
		from = a.holes[last].from
		a.holes = a.holes[:last]
	}
	a.size = from + n
	return from
}

// Give returns the place of n units at from.
func (a *Arena) Give(from, n int) {
	freed := hole{from, from + a.padded(n)}
	at, _ := slices.BinarySearchFunc(a.holes, freed, func(h, f hole) int { return h.from - f.from })
	if at < len(a.holes) && a.holes[at].from == freed.to {
		freed.to = a.holes[at].to
		a.holes = slices.Delete(a.holes, at, at+1)
	}
	if at > 0 && a.holes[at-1].to == freed.from {
		a.holes[at-1].to = freed.to
		return
	}
	a.holes = slices.Insert(a.holes, at, freed)
}

func (a *Arena) padded(n int) int { return (n + a.Alignment - 1) / a.Alignment * a.Alignment }
