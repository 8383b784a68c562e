//go:build gpu

package cuda_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/engine/enginetest"
)

// A kernel that goes astray takes its context with it: everything fails from then on, and says so. That is the end of the
// process, so another one tries it.
func TestLostDevice(t *testing.T) {
	if os.Getenv("TWINVIEW_STANDIN_MEMORY") == "" {
		t.Skip("needs the stand-in, which can lose a device: make test-cuda")
	}
	if os.Getenv("TWINVIEW_STANDIN_LAUNCHES") == "" {
		again := exec.Command(os.Args[0], "-test.run=^TestLostDevice$", "-test.v")
		again.Env = append(os.Environ(), "TWINVIEW_STANDIN_LAUNCHES=5")
		out, err := again.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestLostDevice")
		return
	}
	n, err := enginetest.Networks["linear"]()
	require.NoError(t, err)
	m, err := cuda.Compiler(cuda.Options{})(n.Graph, enginetest.OutputsOf(n), nil)
	require.NoError(t, err)
	for range 5 {
		err = m.RunAll()
	}
	require.ErrorIs(t, err, engine.ErrDeviceLost)
	require.ErrorContains(t, err, "cuda:0")
	require.ErrorIs(t, <-cuda.Lost(), engine.ErrDeviceLost)

	other, err := enginetest.Networks["linear"]()
	require.NoError(t, err)
	_, err = cuda.Compiler(cuda.Options{})(other.Graph, enginetest.OutputsOf(other), nil)
	require.ErrorIs(t, err, engine.ErrDeviceLost, "the first error stays")
}
