package hardware

import (
	"context"
	"sync"
	"time"
)

// readEvery is how often counters are read. They begin anew after as little as 65 kJ, which a large processor takes in
// minutes.
const readEvery = 20 * time.Second

// counter is a count of microjoules that begins anew after limit.
type counter struct {
	read  func() (uint64, error)
	limit uint64
	last  uint64
}

// Energy measures what the machine's processors, and its memory where that is counted too, take for whatever runs on them.
type Energy struct {
	mu         sync.Mutex
	counters   []counter
	microjoule uint64
	readable   bool
}

// MeasureEnergy begins to measure, until ctx ends. Where nothing can be read (no Linux, no RAPL counters as in most virtual
// machines, no permission), Joules says so.
func MeasureEnergy(ctx context.Context) *Energy { return measureEnergy(ctx, counters("/sys")) }

func measureEnergy(ctx context.Context, counters []counter) *Energy {
	e := &Energy{counters: counters, readable: len(counters) > 0}
	for i := range e.counters {
		var err error
		e.counters[i].last, err = e.counters[i].read()
		e.readable = e.readable && err == nil
	}
	if e.readable {
		go e.follow(ctx)
	}
	return e
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

// Joules is the energy since the beginning, or nil where it can't be read.
func (e *Energy) Joules() *float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.counters {
		if !e.readable {
			return nil
		}
		c := &e.counters[i]
		now, err := c.read()
		e.readable = err == nil
		// Unsigned numbers wrap around on their way and come out right.
		e.microjoule += now - c.last
		if now < c.last {
			e.microjoule += c.limit
		}
		c.last = now
	}
	if !e.readable {
		return nil
	}
	joules := float64(e.microjoule) / 1e6
	return &joules
}
