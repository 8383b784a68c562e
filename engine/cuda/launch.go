//go:build gpu

package cuda

import (
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/cu"

	"twinview/engine/cuda/kernels"
)

// launch is a call whose kernel and memory are found. It is made once: what it passes to the driver stays the same.
type launch struct {
	node, kernel string
	function     cu.Function
	shape        kernels.Launch
	words        []uint64
	arguments    []unsafe.Pointer // one to each word
}

// newLaunch writes each argument into a word, as the driver reads it.
func newLaunch(d *device, node string, c call, address func(pointer any) (uint64, error)) (*launch, error) {
	f, err := d.function(c.kernel)
	if err != nil {
		return nil, err
	}
	l := &launch{node: node, kernel: c.kernel, function: f, shape: c.launch, words: make([]uint64, len(c.arguments))}
	for i, argument := range c.arguments {
		switch a := argument.(type) {
		case int32:
			l.words[i] = uint64(uint32(a))
		case int64:
			l.words[i] = uint64(a)
		case float32:
			l.words[i] = uint64(math.Float32bits(a))
		case float64:
			l.words[i] = math.Float64bits(a)
		default:
			if l.words[i], err = address(a); err != nil {
				return nil, fmt.Errorf("argument %d of kernel %q: %w", i, c.kernel, err)
			}
		}
		l.arguments = append(l.arguments, unsafe.Pointer(&l.words[i]))
	}
	return l, nil
}

func (l *launch) run(s cu.Stream) error {
	g, b := l.shape.Grid, l.shape.Block
	if err := l.function.Launch(g[0], g[1], g[2], b[0], b[1], b[2], l.shape.Shared, s, l.arguments); err != nil {
		return fmt.Errorf("compute node %q: launch kernel %q: %w", l.node, l.kernel, err)
	}
	return nil
}
