package engine

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPeakOfMemoryTakenSideBySide(t *testing.T) {
	var m Meter
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				m.Take(10)
			}
		})
	}
	all.Wait()
	m.Give(80000)
	now, peak := m.Held()
	require.Zero(t, now)
	require.Equal(t, int64(80000), peak)
}
