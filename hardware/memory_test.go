package hardware

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Memory that was touched stays in the peak when it is gone.
func TestPeakMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	const size = 64 << 20
	touched := make([]byte, size)
	for i := 0; i < size; i += 1 << 10 {
		touched[i] = 1
	}
	runtime.KeepAlive(touched)
	peak, err := PeakMemory()
	require.NoError(t, err)
	require.Greater(t, peak, int64(size))
	require.Less(t, peak, int64(size)<<10)
}
