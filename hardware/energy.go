package hardware

import (
	"context"
	"slices"
	"sync"
	"time"
)

// readEvery is how often counters are read. They begin anew after as little as 65 kJ, which a large processor takes in
// minutes.
const readEvery = 20 * time.Second

// What takes energy.
const (
	// Processors are the machine's, and its memory where that is counted too.
	Processors = "processors"
	GPU        = "gpu"
)

// Counter is a count of microjoules.
type Counter struct {
	// Of is what takes them, Processors or GPU.
	Of   string
	Read func() (uint64, error)
	// Limit is that after which the count begins anew, 0 for none.
	Limit uint64
	last  uint64
}

// Energy measures what the machine's processors and whatever else is counted take, for everything that runs on them.
type Energy struct {
	mu         sync.Mutex
	counters   []Counter
	microjoule uint64
	readable   bool
}

// MeasureEnergy begins to measure what the processors take, and what more counts, until ctx ends. What can't be read then is left
// out: there are no counters of processors but in Linux, in few virtual machines, and often for root alone.
func MeasureEnergy(ctx context.Context, more ...Counter) *Energy {
	return measureEnergy(ctx, append(counters("/sys"), more...))
}

func measureEnergy(ctx context.Context, counters []Counter) *Energy {
	unreadable := map[string]bool{}
	for i := range counters {
		var err error
		if counters[i].last, err = counters[i].Read(); err != nil {
			unreadable[counters[i].Of] = true
		}
	}
	e := &Energy{counters: slices.DeleteFunc(counters, func(c Counter) bool { return unreadable[c.Of] })}
	if e.readable = len(e.counters) > 0; e.readable {
		go e.follow(ctx)
	}
	return e
}

// Of names what the energy is of, each once and in order; nil where nothing can be read.
func (e *Energy) Of() []string {
	var of []string
	for _, c := range e.counters {
		of = append(of, c.Of)
	}
	slices.Sort(of)
	return slices.Compact(of)
}

// follow reads often enough that no counter begins anew twice in between.
func (e *Energy) follow(ctx context.Context) {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			e.Joules()
		case <-ctx.Done():
			return
		}
	}
}

// Joules is the energy since the beginning, or nil where it can't be read, or could not once.
func (e *Energy) Joules() *float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.counters {
		if !e.readable {
			return nil
		}
		c := &e.counters[i]
		now, err := c.Read()
		e.readable = err == nil && (now >= c.last || c.Limit > 0)
		// Unsigned numbers wrap around on their way and come out right.
		e.microjoule += now - c.last
		if now < c.last {
			e.microjoule += c.Limit
		}
		c.last = now
	}
	if !e.readable {
		return nil
	}
	joules := float64(e.microjoule) / 1e6
	return &joules
}
