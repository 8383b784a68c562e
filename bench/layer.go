package main

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/model"
)

// layer is a convolution of square images.
type layer struct {
	batch, size, in, out, kernel, stride, pad int
	// stem tells that the input is the images, whose gradient nobody needs.
	stem bool
}

func (l layer) String() string {
	return fmt.Sprintf("%d→%d %d×%d/%d on %d×%d", l.in, l.out, l.kernel, l.kernel, l.stride, l.size, l.size)
}

// flops counts a multiplication and an addition as two, and products with the border's zeros as if they were made.
func (l layer) flops() float64 {
	pixels := l.batch * l.outputSize() * l.outputSize()
	return 2 * float64(pixels) * float64(l.in*l.out*l.kernel*l.kernel)
}

func (l layer) outputSize() int { return (l.size+2*l.pad-l.kernel)/l.stride + 1 }

func (l layer) directions() []direction {
	if l.stem {
		return []direction{forward, weightGrad}
	}
	return []direction{forward, inputGrad, weightGrad}
}

// layersOf are the different convolutions of a network in their order, and how many there are of each.
func layersOf(n *model.Network) (layers []layer, counts map[layer]int) {
	counts = map[layer]int{}
	nodes := slices.Clone(n.Graph.AllNodes())
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return int(a.ID() - b.ID()) })
	for _, node := range nodes {
		op, ok := node.Op().(model.Conv2D)
		if !ok {
			continue
		}
		inputs := inputsOf(n.Graph, node)
		x, w := inputs[0].Shape(), inputs[1].Shape()
		l := layer{
			batch: x[0], size: x[1], in: x[3], out: w[0], kernel: w[2], stride: op.Stride, pad: op.Pad,
			stem: inputs[0] == n.Images,
		}
		if counts[l] == 0 {
			layers = append(layers, l)
		}
		counts[l]++
	}
	return layers, counts
}

func inputsOf(g *gorgonia.ExprGraph, n *gorgonia.Node) []*gorgonia.Node {
	var inputs []*gorgonia.Node
	for children := g.From(n.ID()); children.Next(); {
		inputs = append(inputs, children.Node().(*gorgonia.Node))
	}
	return inputs
}

// graph is the layer alone, in one direction; the inputs are leaves without values.
func (l layer) graph(d direction) (g *gorgonia.ExprGraph, inputs gorgonia.Nodes, output *gorgonia.Node, err error) {
	g = gorgonia.NewGraph()
	leaf := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithName(name), gorgonia.WithShape(shape...))
	}
	x := func() *gorgonia.Node { return leaf("x", l.batch, l.size, l.size, l.in) }
	w := func() *gorgonia.Node { return leaf("w", l.out, l.in, l.kernel, l.kernel) }
	dy := func() *gorgonia.Node { return leaf("dy", l.batch, l.outputSize(), l.outputSize(), l.out) }

	var op gorgonia.Op
	switch d {
	case forward:
		op, inputs = model.Conv2D{Stride: l.stride, Pad: l.pad}, gorgonia.Nodes{x(), w()}
	case inputGrad:
		op = model.Conv2DInputGrad{Stride: l.stride, Pad: l.pad, Height: l.size, Width: l.size}
		inputs = gorgonia.Nodes{w(), dy()}
	case weightGrad:
		op = model.Conv2DWeightGrad{Stride: l.stride, Pad: l.pad, Kernel: l.kernel}
		inputs = gorgonia.Nodes{x(), dy()}
	}
	output, err = gorgonia.ApplyOp(op, inputs...)
	return g, inputs, output, err
}
