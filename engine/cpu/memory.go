package cpu

import "sync/atomic"

// held counts the memory of all machines of this process.
var held meter

// Memory is how many bytes the machines of this process hold now, and the most that they have held at once: leaves, outputs, arenas
// and optimisers' buffers, not what convolutions need to work in. It may be asked at any time.
func Memory() (now, peak int64) { return held.now.Load(), held.peak.Load() }

// meter counts bytes in use.
type meter struct{ now, peak atomic.Int64 }

func (m *meter) take(bytes int64) {
	now := m.now.Add(bytes)
	for peak := m.peak.Load(); now > peak && !m.peak.CompareAndSwap(peak, now); {
		peak = m.peak.Load()
	}
}

func (m *meter) give(bytes int64) { m.now.Add(-bytes) }
