package engine

import "sync/atomic"

// Meter counts bytes in use. It may be used and asked from any goroutine.
type Meter struct{ now, peak atomic.Int64 }

// Take counts bytes that are in use from now on.
func (m *Meter) Take(bytes int64) {
	now := m.now.Add(bytes)
	for peak := m.peak.Load(); now > peak && !m.peak.CompareAndSwap(peak, now); {
		peak = m.peak.Load()
	}
}

// Give counts bytes that no longer are.
func (m *Meter) Give(bytes int64) { m.now.Add(-bytes) }

// Held is how many are in use, and the most that were at once.
func (m *Meter) Held() (now, peak int64) { return m.now.Load(), m.peak.Load() }
