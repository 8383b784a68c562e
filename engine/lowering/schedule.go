// Package lowering is what every machine begins with: the order in which a graph's nodes are computed, which values are bfloat16,
// which passes over memory are joined into one, and where in memory their values lie.
package lowering

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Addition is the stock op behind gorgonia.Add on two tensors of one shape: residuals, and gradients of a value that is
// used more than once.
type Addition struct{}

// Step computes a node from others.
type Step struct {
	Node *gorgonia.Node
	// Op is the node's, or Addition in place of Gorgonia's own, which is not exported.
	Op any
	// Inputs are in the order of the op's arguments. Each is a leaf or the node of an earlier step.
	Inputs []*gorgonia.Node
}

// Schedule lists the leaves of a float32 graph and the steps that the outputs depend on. The order is that in which the nodes
// were made: forward, then backward from the loss, each gradient soon after what it comes from. That keeps few values alive.
func Schedule(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (leaves []*gorgonia.Node, steps []Step, err error) {
	needed := map[*gorgonia.Node][]*gorgonia.Node{}
	for _, n := range outputs {
		if !g.Has(n.ID()) {
			return nil, nil, fmt.Errorf("output %q is not a node of the graph: pass nodes of the graph to compile", n.Name())
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

	made := map[*gorgonia.Node]bool{}
	for _, n := range nodes {
		if n.Dtype() != tensor.Float32 {
			return nil, nil, fmt.Errorf("node %q has element type %v, want float32", n.Name(), n.Dtype())
		}
		made[n] = true
		if len(needed[n]) == 0 {
			leaves = append(leaves, n)
			continue
		}
		for _, input := range needed[n] {
			if !made[input] {
				return nil, nil, fmt.Errorf("node %q was made before its input %q", n.Name(), input.Name())
			}
		}
		steps = append(steps, Step{n, recognise(n, needed[n]), needed[n]})
	}
	return leaves, steps, nil
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
func recognise(n *gorgonia.Node, inputs []*gorgonia.Node) any {
	plus := strings.HasPrefix(n.Op().String(), "+ ")
	if plus && len(inputs) == 2 && inputs[0].Shape().Eq(inputs[1].Shape()) {
		return Addition{}
	}
	return n.Op()
}
