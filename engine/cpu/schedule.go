package cpu

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/model"
)

// instruction computes one node from others.
type instruction struct {
	out    *gorgonia.Node
	op     gorgonia.Op
	inputs []*gorgonia.Node
}

// addition is the stock op behind gorgonia.Add on two tensors of one shape: residuals, and gradients of a value that is
// used more than once.
type addition struct{ gorgonia.Op }

// normAddReLU is batch norm of inputs 0 to 3, plus input 4 if there are five, then ReLU if relu is set.
type normAddReLU struct {
	model.BatchNorm
	relu bool
}

// schedule lists the leaves and the instructions that the outputs depend on. The order is that in which the nodes were
// made: forward, then backward from the loss, each gradient soon after what it comes from. That keeps few values alive.
func schedule(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (leaves []*gorgonia.Node, program []instruction, err error) {
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

	for _, n := range nodes {
		inputs := needed[n]
		if n.Dtype() != tensor.Float32 {
			return nil, nil, fmt.Errorf("node %q has element type %v, want float32", n.Name(), n.Dtype())
		}
		if len(inputs) == 0 {
			leaves = append(leaves, n)
			continue
		}
		for _, input := range inputs {
			if input.ID() >= n.ID() {
				return nil, nil, fmt.Errorf("node %q was made before its input %q", n.Name(), input.Name())
			}
		}
		program = append(program, instruction{out: n, op: recognise(n, inputs), inputs: inputs})
	}
	return leaves, program, nil
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
func recognise(n *gorgonia.Node, inputs []*gorgonia.Node) gorgonia.Op {
	plus := strings.HasPrefix(n.Op().String(), "+ ")
	if plus && len(inputs) == 2 && inputs[0].Shape().Eq(inputs[1].Shape()) {
		return addition{n.Op()}
	}
	return n.Op()
}

// fuse joins batch norm → (addition →) ReLU into one instruction where nothing else wants the values between. It is what
// ends each convolution of a ResNet.
func fuse(program []instruction, outputs gorgonia.Nodes) []instruction {
	uses := map[*gorgonia.Node]int{}
	for _, i := range program {
		for _, input := range i.inputs {
			uses[input]++
		}
	}
	for _, n := range outputs {
		uses[n]++
	}
	maker := map[*gorgonia.Node]int{}
	fused := make([]bool, len(program))
	// single returns the index of the instruction that made n, if it is a batch norm whose result is used here alone.
	single := func(n *gorgonia.Node) (int, bool) {
		at, made := maker[n]
		if !made || uses[n] != 1 {
			return 0, false
		}
		norm, ok := program[at].op.(normAddReLU)
		return at, ok && !norm.relu
	}
	for at := range program {
		i := &program[at]
		switch op := i.op.(type) {
		case model.BatchNorm:
			i.op = normAddReLU{BatchNorm: op}
		case addition:
			// Either side will do, but not one that has an addition in it already.
			for side := range 2 {
				norm, ok := single(i.inputs[side])
				if !ok || len(program[norm].inputs) != 4 {
					continue
				}
				i.inputs = append(slices.Clone(program[norm].inputs), i.inputs[1-side])
				i.op, fused[norm] = program[norm].op, true
				break
			}
		case model.ReLU:
			if norm, ok := single(i.inputs[0]); ok {
				i.inputs = program[norm].inputs
				i.op, fused[norm] = normAddReLU{program[norm].op.(normAddReLU).BatchNorm, true}, true
			}
		}
		maker[i.out] = at
	}
	kept := program[:0]
	for at, i := range program {
		if !fused[at] {
			kept = append(kept, i)
		}
	}
	return kept
}
