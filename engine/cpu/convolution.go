package cpu

// #include "bridge.h"
import "C"

import (
	"unsafe"

	"twinview/model"
)

// convolution is a convolution in one direction: (x, weights) → y, (weights, dy) → dx or (x, dy) → dweights.
type convolution struct {
	direction direction
	precision Precision
	shape     C.tv_convolution_shape
	// tile is that of Winograd's algorithm, 0 for oneDNN's direct convolution.
	tile int
	// accumulate adds dx to input 2.
	accumulate bool
}

func (c convolution) label() string {
	return "convolution " + map[direction]string{
		forward: "forward", inputGrad: "input gradient", weightGrad: "weight gradient",
	}[c.direction]
}

// lowerConvolutions gives the model's convolutions their shapes, in float32.
func (p *program) lowerConvolutions() {
	for at := range p.instructions {
		i := &p.instructions[at]
		switch op := i.op.(type) {
		case model.Conv2D:
			i.op = newConvolution(forward, i.inputs[0], i.inputs[1], op.Stride, op.Pad)
		case model.Conv2DInputGrad:
			i.op = newConvolution(inputGrad, i.out(), i.inputs[0], op.Stride, op.Pad)
		case model.Conv2DWeightGrad:
			i.op = newConvolution(weightGrad, i.inputs[0], i.out(), op.Stride, op.Pad)
		}
	}
}

func newConvolution(d direction, x, weights *value, stride, pad int) convolution {
	return convolution{direction: d, shape: C.tv_convolution_shape{
		batch: C.int64_t(x.shape[0]), height: C.int64_t(x.shape[1]), width: C.int64_t(x.shape[2]),
		in: C.int64_t(weights.shape[1]), out: C.int64_t(weights.shape[0]), kernel: C.int64_t(weights.shape[2]),
		stride: C.int64_t(stride), pad: C.int64_t(pad),
	}}
}

// chooseAlgorithms sets the tile of the convolutions that are to go by Winograd's algorithm.
func (p *program) chooseAlgorithms(w Winograd) {
	for at := range p.instructions {
		if c, ok := p.instructions[at].op.(convolution); ok {
			c.tile = c.bestTile(w.tile(c.direction))
			p.instructions[at].op = c
		}
	}
}

// minWinogradChannels are worth the transforms: below, they cost more than the products.
const minWinogradChannels = 16

// bestTile is the tile, no larger than allowed, that needs the fewest products; 0 where none is of use.
func (c convolution) bestTile(allowed int) int {
	s := c.shape
	if s.kernel != 3 || s.stride != 1 || s.pad != 1 || min(s.in, s.out) < minWinogradChannels || !winogradSupports(c.precision) {
		return 0
	}
	best, fewest := 0, 9*s.height*s.width
	for _, tile := range []C.int64_t{2, 4} {
		tiles := (s.height + tile - 1) / tile * ((s.width + tile - 1) / tile)
		if products := tiles * (tile + 2) * (tile + 2); int(tile) <= allowed && products < fewest {
			best, fewest = int(tile), products
		}
	}
	return best
}

// kernel is a convolution made ready to run.
type kernel interface {
	run(x, weights, y unsafe.Pointer, accumulate bool) error
	free()
}

// direct is oneDNN's convolution. It cannot accumulate.
type direct struct{ made *C.tv_convolution }

func newDirect(c convolution) (*direct, error) {
	d := &direct{}
	return d, failure(C.tv_convolution_new(uint32(c.direction), uint32(c.precision), c.shape, &d.made))
}

func (d *direct) run(x, weights, y unsafe.Pointer, _ bool) error {
	return failure(C.tv_convolution_run(d.made, x, (*C.float)(weights), y))
}

func (d *direct) free() { C.tv_convolution_free(d.made) }

func newKernel(c convolution) (kernel, error) {
	if c.tile == 0 {
		return newDirect(c)
	}
	return newWinograd(c)
}

// convolve returns what runs c on the tensors. Convolutions of one shape and direction share one kernel: a machine runs
// them one after another.
func (k *kernels) convolve(c convolution, i instruction, m *memory) (func() error, error) {
	accumulate := c.accumulate
	c.accumulate = false
	made, ok := k.convolutions[c]
	if !ok {
		var err error
		if made, err = newKernel(c); err != nil {
			return nil, err
		}
		k.convolutions[c] = made
	}
	in, out := []unsafe.Pointer{m.pointer(i.inputs[0]), m.pointer(i.inputs[1])}, m.pointer(i.out())
	switch {
	case c.direction == forward:
		return func() error { return made.run(in[0], in[1], out, false) }, nil
	case c.direction == weightGrad:
		return func() error { return made.run(in[0], out, in[1], false) }, nil
	case accumulate && m.pointer(i.inputs[2]) != out:
		sum, start := m.of(i.out()), m.of(i.inputs[2])
		return func() error {
			copy(sum, start)
			return made.run(out, in[0], in[1], true)
		}, nil
	}
	return func() error { return made.run(out, in[0], in[1], accumulate) }, nil
}
