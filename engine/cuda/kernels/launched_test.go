package kernels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine/cuda/kernels"
)

// recorder notes which kernels a runner has launched.
type recorder struct {
	runner
	launched map[string]bool
	// narrow makes the launches of kernels that take any grid as small as can be, so that a thread goes through its loops often;
	// narrowed tells that there was a launch of one, narrow or not.
	narrow, narrowed bool
}

func (r *recorder) Launch(kernel string, launch kernels.Launch, arguments ...any) error {
	r.launched[kernel] = true
	if takesAnyGrid(kernel) {
		r.narrowed = true
		if r.narrow {
			launch.Grid[0], launch.Block = 1, [3]int{32, 1, 1}
		}
	}
	return r.runner.Launch(kernel, launch, arguments...)
}

// Of these modules and kernels the sources say that any grid along x will do, of blocks of any number of warps.
var (
	modulesOfAnyGrid = []string{"elementwise", "pool", "convolution_layout", "convolution_direct"}
	kernelsOfAnyGrid = []string{
		"l2_normalize", "l2_normalize_grad", "cross_entropy_rows", "cross_entropy_grad", "redundancy_reduction_squares", "add_parts",
	}
)

func takesAnyGrid(kernel string) bool {
	m, err := kernels.ModuleOf(kernel)
	return err == nil && (slices.Contains(modulesOfAnyGrid, m.Name) || slices.Contains(kernelsOfAnyGrid, kernel))
}

func TestKernelsOfAnyGridExist(t *testing.T) {
	for _, name := range modulesOfAnyGrid {
		require.Contains(t, kernels.Modules(), name)
	}
	for _, kernel := range kernelsOfAnyGrid {
		_, err := kernels.ModuleOf(kernel)
		require.NoError(t, err)
	}
}

// missing is an error that names the kernels that no test has launched.
func (r *recorder) missing() error {
	var never []string
	for _, m := range kernels.Modules() {
		for _, kernel := range m.Kernels {
			if !r.launched[kernel] {
				never = append(never, kernel)
			}
		}
	}
	if len(never) == 0 {
		return nil
	}
	slices.Sort(never)
	return fmt.Errorf("no test has launched %s: write one for each", strings.Join(never, ", "))
}

// finish is called when all tests have run, or those that were asked for.
func (r *recorder) finish(whole bool) error {
	if reporter, ok := r.runner.(interface{ report() error }); ok {
		if err := reporter.report(); err != nil {
			return fmt.Errorf("report what was run: %w", err)
		}
	}
	if !whole {
		return nil
	}
	return r.missing()
}
