package hardware

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// Describe is a line about this machine: the processor, how many of its threads are used, the memory where it is known.
func Describe(threads int) string {
	name := strings.Join(strings.Fields(cpuid.CPU.BrandName), " ")
	parts := []string{
		cmp.Or(name, "unnamed processor"),
		fmt.Sprintf("%d of %d threads", threads, runtime.NumCPU()),
	}
	if bytes := memory(); bytes > 0 {
		parts = append(parts, fmt.Sprintf("%.1f GiB of memory", float64(bytes)/(1<<30)))
	}
	return strings.Join(append(parts, runtime.GOOS+"/"+runtime.GOARCH), ", ")
}
