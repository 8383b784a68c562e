package model

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// builder collects a network layer by layer. Its first error stops all that follow and comes out of finish, so that a
// network reads as a list of layers.
type builder struct {
	network  *Network
	dtype    tensor.Dtype
	training bool
	err      error
}

// newBuilder starts a network whose batch norms take the statistics of the batch if it is in training.
func newBuilder(o Options, training bool) *builder {
	if o.DType == (tensor.Dtype{}) {
		o.DType = tensor.Float32
	}
	b := &builder{network: &Network{Graph: gorgonia.NewGraph()}, dtype: o.DType, training: training}
	switch {
	case o.DType != tensor.Float32 && o.DType != tensor.Float64:
		b.fail("element type is %v, want float32 or float64", o.DType)
	case o.Batch < 1:
		b.fail("batch is %d, want at least 1", o.Batch)
	case training && o.Batch < 2:
		b.fail("batch is %d, want at least 2: batch norm has no variance of one image to train with", o.Batch)
	}
	return b
}

// finish differentiates the loss, if there is one, by every parameter.
func (b *builder) finish(what string) (*Network, error) {
	n := b.network
	if b.err == nil && n.Loss != nil {
		b.check(differentiate(n))
	}
	if b.err != nil {
		return nil, fmt.Errorf("build the %s: %w", what, b.err)
	}
	return n, nil
}

func differentiate(n *Network) error {
	var values gorgonia.Nodes
	for _, p := range n.Parameters {
		values = append(values, p.Value)
	}
	grads, err := gorgonia.Grad(n.Loss, values...)
	if err != nil {
		return fmt.Errorf("differentiate the loss: %w", err)
	}
	for i := range n.Parameters {
		n.Parameters[i].Grad = grads[i]
	}
	return nil
}

// check keeps the first error.
func (b *builder) check(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *builder) fail(format string, args ...any) { b.check(fmt.Errorf(format, args...)) }

// leaf adds an input without a value.
func (b *builder) leaf(name string, shape ...int) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	return gorgonia.NewTensor(b.network.Graph, b.dtype, len(shape), gorgonia.WithName(name), gorgonia.WithShape(shape...))
}

// apply adds the result of an op.
func (b *builder) apply(op gorgonia.Op, inputs ...*gorgonia.Node) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	node, err := gorgonia.ApplyOp(op, inputs...)
	if err != nil {
		b.fail("apply %v: %w", op, err)
	}
	return node
}

// weight adds a parameter that decays: of a convolution or a linear layer.
func (b *builder) weight(name string, initial distribution, shape ...int) *gorgonia.Node {
	return b.parameter(Parameter{Name: name, Decay: true, initial: initial}, shape)
}

// offset adds a parameter that does not: a bias or one of batch norm's.
func (b *builder) offset(name string, initial distribution, shape ...int) *gorgonia.Node {
	return b.parameter(Parameter{Name: name, initial: initial}, shape)
}

func (b *builder) parameter(p Parameter, shape []int) *gorgonia.Node {
	p.Value = b.leaf(p.Name, shape...)
	b.network.Parameters = append(b.network.Parameters, p)
	return p.Value
}
