package model

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// distribution is what a parameter starts from: mean + deviation·N(0, 1) + bound·U(−1, 1).
type distribution struct{ mean, deviation, bound float64 }

var (
	zeros = distribution{}
	ones  = distribution{mean: 1}
)

// kaimingNormal is torch.nn.init.kaiming_normal_ with mode fan_out and the gain of ReLU (He et al. 2015b, eq. 14), which
// torchvision's ResNet gives to every convolution. The fan is output channels times kernel elements.
func kaimingNormal(fanOut int) distribution {
	return distribution{deviation: math.Sqrt(2 / float64(fanOut))}
}

// fanInUniform is the default of torch.nn.Linear for weight and bias: U(−1/√fan, 1/√fan).
func fanInUniform(fanIn int) distribution {
	return distribution{bound: 1 / math.Sqrt(float64(fanIn))}
}

// Initialise binds every parameter of the network to a new tensor with the initial values of torchvision's ResNet and
// torch.nn.Linear. The values of a parameter are a pure function of the seed and its name and shape: two networks with a
// layer in common start with the same values there.
func Initialise(n *Network, seed uint64) {
	for _, p := range n.Parameters {
		values := p.initial.draw(stream(seed, p.Name), p.Value.Shape().TotalSize())
		if err := gorgonia.Let(p.Value, denseOf(p.Value, values)); err != nil {
			panic(fmt.Sprintf("model: bind parameter %s to a tensor made for it: %v", p.Name, err))
		}
	}
}

// stream is the random source of one parameter. Hashing gives near-by seeds and names unrelated streams.
func stream(seed uint64, name string) *rand.Rand {
	return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "initialise %d %s", seed, name))))
}

func (d distribution) draw(r *rand.Rand, count int) []float64 {
	values := make([]float64, count)
	for i := range values {
		values[i] = d.mean
		if d.deviation != 0 {
			values[i] += d.deviation * r.NormFloat64()
		}
		if d.bound != 0 {
			values[i] += d.bound * (2*r.Float64() - 1)
		}
	}
	return values
}

// denseOf makes a tensor of the node's shape and element type.
func denseOf(n *gorgonia.Node, values []float64) *tensor.Dense {
	shape := tensor.WithShape(n.Shape()...)
	if n.Dtype() == tensor.Float64 {
		return tensor.New(shape, tensor.WithBacking(values))
	}
	rounded := make([]float32, len(values))
	store(rounded, values)
	return tensor.New(shape, tensor.WithBacking(rounded))
}
