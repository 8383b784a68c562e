package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"fmt"
	"time"

	"twinview/engine"
	"twinview/engine/lowering"
)

// precisionKey is that of the precision in engine.Kernels; all other keys are names of convolutions.
const precisionKey = "precision"

// chooser decides what computes a graph and remembers it.
type chooser struct {
	options  Options
	recorded engine.Kernels
	chosen   engine.Kernels
	// measures says that what is not recorded is measured. A graph for inference beside a recorded training is not: nobody
	// would record its kernels.
	measures bool
}

func newChooser(o Options, recorded engine.Kernels) *chooser {
	return &chooser{options: o, recorded: recorded, chosen: engine.Kernels{}, measures: o.Measure && recorded == nil}
}

// precision is the recorded one, else that of the options.
func (c *chooser) precision() (Precision, error) {
	if other, ok := c.recorded[engine.EngineKey]; ok {
		return 0, fmt.Errorf("%w: the training was begun on engine %q: take a worker with that", engine.ErrUnsupported, other)
	}
	p := c.options.Precision
	if recorded, ok := c.recorded[precisionKey]; ok {
		switch recorded {
		case Float32.String():
			p = Float32
		case BFloat16.String():
			p = BFloat16
		default:
			return 0, fmt.Errorf("%w: precision %q", engine.ErrUnsupported, recorded)
		}
	}
	if !Supports(p) {
		return 0, fmt.Errorf("%w: precision %v needs AVX512-BF16: train in float32 here, or take a worker on another CPU",
			engine.ErrUnsupported, p)
	}
	c.chosen[precisionKey] = p.String()
	return p, nil
}

// algorithms sets the algorithm of every convolution: the recorded one, else the fastest if that is to be measured, else
// that with the fewest products.
func (c *chooser) algorithms(p *lowering.Program) error {
	c.measures = c.measures || c.options.Measure && p.Trains()
	for at := range p.Instructions {
		conv, ok := p.Instructions[at].Op.(lowering.Convolution)
		if !ok {
			continue
		}
		a, err := c.algorithm(conv)
		if err != nil {
			return fmt.Errorf("choose the algorithm of %s: %w", conv, err)
		}
		conv.Algorithm = string(a)
		p.Instructions[at].Op = conv
	}
	return nil
}

func (c *chooser) algorithm(conv lowering.Convolution) (algorithm, error) {
	name := conv.String()
	if chosen, ok := c.chosen[name]; ok {
		return algorithm(chosen), nil
	}
	a, err := c.decide(conv)
	if err == nil {
		c.chosen[name] = string(a)
	}
	return a, err
}

func (c *chooser) decide(conv lowering.Convolution) (algorithm, error) {
	if recorded, ok := c.recorded[conv.String()]; ok {
		a := algorithm(recorded)
		if !convolution(conv).possible(a) {
			return "", fmt.Errorf("%w: %s: take a worker on another CPU", engine.ErrUnsupported, a)
		}
		return a, nil
	}
	candidates := convolution(conv).candidates(c.options)
	if !c.measures || len(candidates) == 1 {
		return candidates[0], nil
	}
	return fastest(conv, candidates, c.options)
}

// candidates are the algorithms that o allows, that which is taken without a measurement first: Winograd's with the fewest
// products, if any has fewer than a direct convolution, else the direct one that was the faster when they were compared.
func (c convolution) candidates(o Options) []algorithm {
	all := []algorithm{oneDNN}
	if o.OneDNN {
		return all
	}
	add := func(a algorithm, first bool) {
		if first {
			all = append([]algorithm{a}, all...)
		} else {
			all = append(all, a)
		}
	}
	if c.possible(direct) {
		add(direct, c.directIsFaster())
	}
	for _, a := range []algorithm{winograd2, winograd4} {
		if a.tile() <= o.Winograd.tile(c.Direction) && c.possible(a) {
			add(a, c.products(a) < c.products(all[0]))
		}
	}
	return all
}

// minOwnChannels are worth our own convolutions: below, transforms and padded channels cost more than the products.
const minOwnChannels = 16

// possible tells whether algorithm a can compute c here.
func (c convolution) possible(a algorithm) bool {
	s := c.Shape
	switch a {
	case oneDNN:
		return true
	case direct:
		return directSupports(c)
	case winograd2, winograd4:
		return s.Kernel == 3 && s.Stride == 1 && s.Pad == 1 && min(s.In, s.Out) >= minOwnChannels &&
			ownSupports(c.Precision)
	default:
		return false
	}
}

// directIsFaster tells which of the direct convolutions to take, ours or oneDNN's, by BenchmarkDirect on the layers of
// ResNet-18. Other than with stride 2, and on an image's three colours, oneDNN's were as fast or faster.
func (c convolution) directIsFaster() bool {
	if c.Shape.Stride != 2 || min(c.Shape.In, c.Shape.Out) < minOwnChannels {
		return false
	}
	switch c.Direction {
	case lowering.Forward:
		return c.Shape.Kernel == 1 // 3×3: oneDNN's by 3 to 10 %
	case lowering.InputGradient:
		return true // about as fast, and ours can add to the shortcut's gradient
	default:
		return c.Shape.Kernel > 1 || c.Precision == BFloat16 // float32 1×1: oneDNN's by up to 20 %
	}
}

// products is the number of them per channel and image.
func (c convolution) products(a algorithm) int {
	height, width, tile := c.Shape.Height, c.Shape.Width, a.tile()
	if tile == 0 {
		return c.Shape.Kernel * c.Shape.Kernel * height * width
	}
	return (height + tile - 1) / tile * ((width + tile - 1) / tile) * (tile + 2) * (tile + 2)
}

// fastest runs every candidate a few times, unless the cache knows the answer.
func fastest(c lowering.Convolution, candidates []algorithm, o Options) (algorithm, error) {
	key := fmt.Sprintf("%s, %v, among %v, %d threads, %s, %s",
		c, c.Precision, candidates, o.Threads, C.GoString(C.tv_cpu_name()), Description())
	cache := measurements(o.Cache)
	if known, ok := cache.find(key); ok {
		return algorithm(known), nil
	}
	best, least := oneDNN, time.Duration(1<<62)
	for _, a := range candidates {
		c.Algorithm = string(a)
		took, err := duration(convolution(c))
		if err != nil {
			return "", fmt.Errorf("measure %s: %w", a, err)
		}
		if took < least {
			best, least = a, took
		}
	}
	return best, cache.add(key, string(best))
}

// duration is the least of a few runs.
func duration(c convolution) (time.Duration, error) {
	x, weights, y := c.Shape.Sizes()
	var tensors [3][]float32
	for i, n := range []int{x, weights, y} {
		var err error
		if tensors[i], err = allocate(n); err != nil {
			return 0, err
		}
		defer free(tensors[i])
	}
	kernel, err := newKernel(c)
	if err != nil {
		return 0, err
	}
	defer kernel.free()
	least, nothing := time.Duration(1<<62), &fused{}
	for range 4 { // the first warms up
		start := time.Now()
		if err := kernel.run(address(tensors[0]), address(tensors[1]), address(tensors[2]), nothing); err != nil {
			return 0, err
		}
		least = min(least, time.Since(start))
	}
	return least, nil
}
