//go:build !gpu

package kernels_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
)

// pinned is the compiler that scripts/nvcc.sh installs.
func pinned(t *testing.T) string {
	script, err := os.ReadFile("../../../scripts/nvcc.sh")
	require.NoError(t, err)
	versions := regexp.MustCompile(`(?m)^version=(\S+)\ncutlass=(\S+)$`).FindSubmatch(script)
	require.NotNil(t, versions)
	return fmt.Sprintf("nvcc-%s-cutlass-%s", versions[1], versions[2])
}

func TestPTXIsThatOfTheSources(t *testing.T) {
	sources, err := filepath.Glob("*.cu")
	require.NoError(t, err)
	require.Len(t, kernels.Modules(), len(sources), "run make cuda-kernels and check in what it makes")
	for _, source := range sources {
		head, err := kernels.Head(os.DirFS("."), source, pinned(t))
		require.NoError(t, err)
		module := kernels.Modules()[strings.TrimSuffix(source, ".cu")]
		require.True(t, strings.HasPrefix(module.PTX, head),
			"%s or a header was changed: run make cuda-kernels and check in what it makes", source)
		require.NotEmpty(t, module.Kernels)
	}
}
