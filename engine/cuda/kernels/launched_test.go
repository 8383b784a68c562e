package kernels_test

import (
	"fmt"
	"slices"
	"strings"

	"twinview/engine/cuda/kernels"
)

// recorder notes which kernels a runner has launched.
type recorder struct {
	runner
	launched map[string]bool
}

func (r recorder) Launch(kernel string, launch kernels.Launch, arguments ...any) error {
	r.launched[kernel] = true
	return r.runner.Launch(kernel, launch, arguments...)
}

// missing is an error that names the kernels that no test has launched.
func (r recorder) missing() error {
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
func (r recorder) finish(whole bool) error {
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
