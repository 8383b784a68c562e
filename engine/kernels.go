package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// EngineKey is the key under which every engine but the one for CPUs names itself: none computes the bits of another.
const EngineKey = "engine"

// Kernels say what computes a graph where a machine has a choice: the precision, and the algorithm of each convolution.
// They decide how results are rounded. Two machines with the same kernels and the same number of threads compute the same
// bits on the same kind of CPU, so they are kept beside a training's state. Keys and values are the machine's own; the
// reference machine has none.
type Kernels map[string]string

// String counts the values, for a line in a report: "39 × F(4x4,3x3), bfloat16, 20 × oneDNN".
func (k Kernels) String() string {
	count := map[string]int{}
	for _, kernel := range k {
		count[kernel]++
	}
	var parts []string
	for _, kernel := range slices.Sorted(maps.Keys(count)) {
		if count[kernel] > 1 {
			kernel = fmt.Sprintf("%d × %s", count[kernel], kernel)
		}
		parts = append(parts, kernel)
	}
	return strings.Join(parts, ", ")
}
