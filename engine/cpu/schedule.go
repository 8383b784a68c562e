package cpu

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// addition is the stock op behind gorgonia.Add on two tensors of one shape: residuals, and gradients of a value that is
// used more than once.
type addition struct{}

// schedule lists the instructions that the outputs depend on. The order is that in which the nodes were made: forward,
// then backward from the loss, each gradient soon after what it comes from. That keeps few values alive.
func schedule(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (*program, error) {
	needed := map[*gorgonia.Node][]*gorgonia.Node{}
	for _, n := range outputs {
		if !g.Has(n.ID()) {
			return nil, fmt.Errorf("output %q is not a node of the graph: pass nodes of the graph to compile", n.Name())
		}
		collect(g, n, needed)
	}
	for _, n := range g.Inputs() { // a leaf that nothing depends on can still be written and read
		collect(g, n, needed)
	}
	nodes := make([]*gorgonia.Node, 0, len(needed))
	for n := range needed {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return cmp.Compare(a.ID(), b.ID()) })

	p := &program{leaves: map[*gorgonia.Node]*value{}, outputs: map[*gorgonia.Node]*value{}}
	values := map[*gorgonia.Node]*value{}
	for _, n := range nodes {
		if n.Dtype() != tensor.Float32 {
			return nil, fmt.Errorf("node %q has element type %v, want float32", n.Name(), n.Dtype())
		}
		v := &value{name: n.Name(), shape: n.Shape()}
		values[n] = v
		if len(needed[n]) == 0 {
			p.leaves[n] = v
			continue
		}
		inputs := make([]*value, len(needed[n]))
		for j, input := range needed[n] {
			if inputs[j] = values[input]; inputs[j] == nil {
				return nil, fmt.Errorf("node %q was made before its input %q", n.Name(), input.Name())
			}
		}
		p.instructions = append(p.instructions, instruction{recognise(n, inputs), inputs, []*value{v}})
	}
	for _, n := range outputs {
		p.outputs[n] = values[n]
	}
	return p, nil
}

// collect walks from n to the leaves, without recursion: a network is deep.
func collect(g *gorgonia.ExprGraph, n *gorgonia.Node, needed map[*gorgonia.Node][]*gorgonia.Node) {
	for pending := []*gorgonia.Node{n}; len(pending) > 0; {
		n, pending = pending[len(pending)-1], pending[:len(pending)-1]
		if _, seen := needed[n]; seen {
			continue
		}
		inputs := inputsOf(g, n)
		needed[n] = inputs
		pending = append(pending, inputs...)
	}
}

func inputsOf(g *gorgonia.ExprGraph, n *gorgonia.Node) []*gorgonia.Node {
	var inputs []*gorgonia.Node
	for children := g.From(n.ID()); children.Next(); {
		inputs = append(inputs, children.Node().(*gorgonia.Node))
	}
	return inputs
}

// recognise replaces Gorgonia's unexported addition, which only its name tells, by one of our own.
func recognise(n *gorgonia.Node, inputs []*value) any {
	plus := strings.HasPrefix(n.Op().String(), "+ ")
	if plus && len(inputs) == 2 && inputs[0].shape.Eq(inputs[1].shape) {
		return addition{}
	}
	return n.Op()
}
