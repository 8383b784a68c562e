//go:build gpu

package hardware

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The stand-in's GPUs take 100 W.
func TestGPUCounter(t *testing.T) {
	if os.Getenv("TWINVIEW_STANDIN_MEMORY") == "" {
		t.Skip("needs the stand-in, whose GPUs have known UUIDs")
	}
	counter, err := GPUCounter("7374616e-642d-696e-0000-000000000000")
	require.NoError(t, err)
	before, err := counter.Read()
	require.NoError(t, err)
	time.Sleep(20 * time.Millisecond)
	after, err := counter.Read()
	require.NoError(t, err)
	require.GreaterOrEqual(t, after-before, uint64(20*100*1000-100*1000), "microjoules")

	_, err = GPUCounter("00000000-0000-0000-0000-000000000000")
	require.ErrorContains(t, err, "find GPU 00000000")
}
