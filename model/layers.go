package model

import "gorgonia.org/gorgonia"

// normEpsilon is torch.nn.BatchNorm2d's default.
const normEpsilon = 1e-5

// conv adds a convolution without bias. Its padding keeps the size at stride 1.
func (b *builder) conv(name string, x *gorgonia.Node, channels, kernel, stride int) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	w := b.weight(name+".weight", kaimingNormal(channels*kernel*kernel), channels, x.Shape()[3], kernel, kernel)
	return b.apply(Conv2D{Stride: stride, Pad: kernel / 2}, x, w)
}

// norm adds a batch norm.
func (b *builder) norm(name string, x *gorgonia.Node) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	shape := x.Shape()
	channels := shape[len(shape)-1]
	weight := b.offset(name+".weight", ones, channels)
	bias := b.offset(name+".bias", zeros, channels)
	stats := b.stats(name, x, channels)
	b.network.Norms = append(b.network.Norms,
		NormStats{Name: name, Node: stats, Count: shape.TotalSize() / channels})
	return b.apply(BatchNorm{Epsilon: normEpsilon}, x, stats, weight, bias)
}

func (b *builder) stats(name string, x *gorgonia.Node, channels int) *gorgonia.Node {
	if b.training {
		return b.apply(BatchStats{}, x)
	}
	return b.leaf(name+".stats", 2, channels)
}

// linear adds a linear layer without bias.
func (b *builder) linear(name string, x *gorgonia.Node, outputs int) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	inputs := x.Shape()[1]
	w := b.weight(name+".weight", fanInUniform(inputs), outputs, inputs)
	return b.apply(MatMul{TransB: true}, x, w)
}

// linearBias adds a linear layer with bias.
func (b *builder) linearBias(name string, x *gorgonia.Node, outputs int) *gorgonia.Node {
	y := b.linear(name, x, outputs)
	if b.err != nil {
		return nil
	}
	bias := b.offset(name+".bias", fanInUniform(x.Shape()[1]), outputs)
	return b.apply(AddBias{}, y, bias)
}

// relu adds a ReLU.
func (b *builder) relu(x *gorgonia.Node) *gorgonia.Node { return b.apply(ReLU{}, x) }

// add adds two tensors of one shape.
func (b *builder) add(x, y *gorgonia.Node) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	sum, err := gorgonia.Add(x, y)
	if err != nil {
		b.fail("add %v and %v: %w", x.Shape(), y.Shape(), err)
	}
	return sum
}
