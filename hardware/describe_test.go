package hardware

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDescribe(t *testing.T) {
	line := Describe(1)
	require.Contains(t, line, fmt.Sprintf("1 of %d threads", runtime.NumCPU()))
	require.Contains(t, line, runtime.GOARCH)
	if runtime.GOOS == "linux" {
		require.Regexp(t, `[0-9.]+ GiB of memory`, line)
	}
}
