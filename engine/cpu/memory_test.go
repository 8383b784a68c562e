package cpu

import (
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
