package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// boundProbe times oneDNN's direct convolutions alone: all of a training step's, in all directions, each in the layout
// that it is fastest in, with no reorder in between. No network on these convolutions can be faster.
type boundProbe struct {
	precision    precision
	views        int
	convolutions []convolution
	counts       map[layer]int
}

// Whose kernel a layer's record is of.
const (
	libraryKernel = "oneDNN"
	ownKernel     = "engine"
)

// convolution is one layer in one direction, and the ways to compute it.
type convolution struct {
	layer     layer
	direction direction
	library   []*libraryConvolution
	own       *ownConvolution // nil where it could not be made
}

func newBoundProbe(s sizes, p precision) (*boundProbe, error) {
	n, err := s.pretraining()
	if err != nil {
		return nil, err
	}
	layers, counts := layersOf(n)
	b := &boundProbe{precision: p, views: s.Views, counts: counts}
	for _, l := range layers {
		for _, d := range l.directions() {
			c, err := newConvolution(l, d, p)
			b.convolutions = append(b.convolutions, c)
			if err != nil {
				b.close()
				return nil, err
			}
		}
	}
	return b, nil
}

func newConvolution(l layer, d direction, p precision) (c convolution, err error) {
	c = convolution{layer: l, direction: d}
	if c.library, err = libraryConvolutions(l, d, p); err != nil {
		return c, err
	}
	for _, way := range c.library {
		if _, err := way.run(); err != nil {
			return c, fmt.Errorf("run %v of %v in %s, %s: %w", d, l, p.name, way.layout, err)
		}
	}
	c.own, err = newOwnConvolution(l, d, p)
	return c, err
}

// sample runs all of oneDNN's first and then all of the engine's: see settle.
func (b *boundProbe) sample(ctx context.Context) error {
	for _, run := range []func(convolution) error{convolution.sampleLibrary, convolution.sampleOwn} {
		settle()
		for _, c := range b.convolutions {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := run(c); err != nil {
				return fmt.Errorf("time %v of %v in %s: %w", c.direction, c.layer, b.precision.name, err)
			}
		}
	}
	return nil
}

func (c convolution) sampleLibrary() error {
	for _, way := range c.library {
		seconds, err := way.run()
		if err != nil {
			return err
		}
		way.took.add(seconds)
	}
	return nil
}

func (c convolution) sampleOwn() error { return c.own.sample() }

func (b *boundProbe) records() ([]record, error) {
	var step float64
	var layers []record
	for _, c := range b.convolutions {
		layers = append(layers, b.layerRecords(c)...)
		step += c.fastest().took.median() * float64(b.counts[c.layer])
	}
	bound := record{
		Name: "conv_bound", Precision: b.precision.name, Value: float64(b.views) / step, Unit: "views/s", Views: b.views,
	}
	return append([]record{bound}, layers...), nil
}

func (c convolution) fastest() *libraryConvolution {
	return slices.MinFunc(c.library, func(a, b *libraryConvolution) int {
		return cmp.Compare(a.took.median(), b.took.median())
	})
}

// layerRecords sets oneDNN's fastest way beside the engine's kernel.
func (b *boundProbe) layerRecords(c convolution) []record {
	fastest := c.fastest()
	return []record{
		b.layerRecord(c, libraryKernel, fastest.took, fastest.layout), b.layerRecord(c, ownKernel, c.own.took, ""),
	}
}

func (b *boundProbe) layerRecord(c convolution, kernel string, took samples, note string) record {
	milliseconds := make(samples, len(took))
	for i, seconds := range took {
		milliseconds[i] = 1000 * seconds
	}
	r := milliseconds.plain("layer", "ms")
	r.Precision, r.Views, r.Kernel, r.Note = b.precision.name, b.views, kernel, note
	r.Layer, r.Direction, r.Count = c.layer.String(), c.direction.String(), b.counts[c.layer]
	r.GFlops = rounded(c.layer.flops() / took.median() / 1e9)
	return r
}

func (b *boundProbe) close() error {
	var failures []error
	for _, c := range b.convolutions {
		for _, way := range c.library {
			way.close()
		}
		if c.own != nil {
			failures = append(failures, c.own.machine.Close())
		}
	}
	return errors.Join(failures...)
}
