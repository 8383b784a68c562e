package cpu

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// What machines take they give back, and the peak stays.
func TestMemoryIsCounted(t *testing.T) {
	before, _ := Memory()
	memory, err := allocate(1 << 20)
	require.NoError(t, err)
	now, peak := Memory()
	require.Equal(t, int64(4<<20), now-before)
	require.GreaterOrEqual(t, peak, now)
	free(memory)
	after, stays := Memory()
	require.Equal(t, before, after)
	require.Equal(t, peak, stays)
}

func TestPeakOfMemoryTakenSideBySide(t *testing.T) {
	var m meter
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				m.take(10)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(80000), m.peak.Load())
	m.give(80000)
	require.Zero(t, m.now.Load())
}
