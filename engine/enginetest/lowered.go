package enginetest

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/engine/lowering"
	"twinview/model"
)

// Lowered runs a lowered graph by the model's own ops and rounds where the lowering says so. What a machine in that precision
// computes differs from it by the order of sums alone.
type Lowered struct {
	Precision lowering.Precision
	// Accumulates is the machine's, see lowering.Passing. Convolutions have the algorithms that are recorded.
	Accumulates func(lowering.Convolution) bool
	// Factor rounds what matrix products multiply; nil for a machine that does not.
	Factor func(float32) float32
}

// Compile is an engine.Compiler.
func (l Lowered) Compile(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, recorded engine.Kernels) (engine.Machine, error) {
	p, err := lowering.NewProgram(g, outputs)
	if err != nil {
		return nil, err
	}
	p.InPrecision(l.Precision)
	for at := range p.Instructions {
		if c, ok := p.Instructions[at].Op.(lowering.Convolution); ok {
			c.Algorithm = recorded[c.String()]
			p.Instructions[at].Op = c
		}
	}
	p.Fuse(lowering.Passing{Accumulates: l.Accumulates}) // what else they do in passing rounds nothing
	m := &lowered{Lowered: l, program: p, values: map[*lowering.Value]array{}}
	for v := range p.Visible() {
		m.values[v] = make(array, v.Elements())
	}
	for n, v := range p.Leaves {
		if bound := n.Value(); bound != nil {
			copy(m.values[v], lowering.Elements(bound))
		}
	}
	return m, nil
}

// array is a value's elements; those of a bfloat16 value are rounded to it.
type array = []float32

type lowered struct {
	Lowered
	program *lowering.Program
	values  map[*lowering.Value]array
}

// RunAll implements gorgonia.VM.
func (m *lowered) RunAll() error {
	for _, i := range m.program.Instructions {
		results, err := m.compute(i)
		if err != nil {
			return fmt.Errorf("compute node %q: %w", i.Out().Name, err)
		}
		for at, v := range i.Outs {
			if v.Precision == lowering.BFloat16 {
				results[at] = rounded(results[at], BFloat16)
			}
			m.values[v] = results[at]
		}
	}
	return nil
}

// compute returns the results of an instruction before they are rounded.
func (m *lowered) compute(i lowering.Instruction) ([]array, error) {
	in := m.inputs(i)
	switch op := i.Op.(type) {
	case lowering.Narrow, lowering.Widen:
		return []array{slices.Clone(m.values[i.Inputs[0]])}, nil
	case lowering.Addition:
		return []array{sum(m.values[i.Inputs[0]], m.values[i.Inputs[1]])}, nil
	case lowering.Convolution:
		return m.convolve(op, i)
	case lowering.NormAddReLU:
		y, err := do(model.BatchNorm{Epsilon: op.Epsilon}, in[:4]...)
		if err == nil && len(in) == 5 {
			y = sum(y, m.values[i.Inputs[4]])
		}
		if err == nil && op.ReLU {
			y, err = do(model.ReLU{}, lowering.ValueOf(y, i.Out().Shape))
		}
		return []array{y}, err
	case lowering.NormAffineGrad:
		dy, err := behindReLU(op.Epsilon, in[:2], in[2], in[3:])
		if err != nil {
			return nil, err
		}
		grad, err := do(model.BatchNormAffineGrad{Epsilon: op.Epsilon}, in[0], in[1], dy)
		return []array{grad}, err
	case lowering.NormInputGrad:
		dy, err := behindReLU(op.Epsilon, in[:2], in[3], append([]gorgonia.Value{in[2]}, in[5:]...))
		if err != nil {
			return nil, err
		}
		grad, err := do(model.BatchNormInputGrad{Epsilon: op.Epsilon}, in[0], in[1], in[2], dy, in[4])
		return []array{grad}, err
	case lowering.ReLUNormAffineGrad:
		masked, err := do(model.ReLUGrad{}, in[2], in[3])
		if err != nil {
			return nil, err
		}
		grad, err := do(model.BatchNormAffineGrad{Epsilon: op.Epsilon}, in[0], in[1], lowering.ValueOf(masked, i.Out().Shape))
		return []array{masked, grad}, err
	case model.MatMul:
		product, err := m.product(op, in...)
		if err != nil {
			return nil, err
		}
		return []array{lowering.Elements(product)}, nil
	case model.RedundancyReduction:
		loss, err := m.redundancy(op, in[0], in[1])
		return []array{{loss}}, err
	case model.RedundancyReductionGrad:
		da, err := m.redundancyGrad(op, in[0], in[1], m.values[i.Inputs[2]][0])
		return []array{da}, err
	case gorgonia.Op:
		result, err := do(op, in...)
		return []array{result}, err
	}
	return nil, fmt.Errorf("%T is no op", i.Op)
}

// product is that of rounded factors.
func (m *lowered) product(op model.MatMul, factors ...gorgonia.Value) (gorgonia.Value, error) {
	if m.Factor != nil {
		for at, v := range factors {
			factors[at] = lowering.ValueOf(rounded(lowering.Elements(v), m.Factor), v.Shape())
		}
	}
	return op.Do(factors...)
}

func (m *lowered) inputs(i lowering.Instruction) []gorgonia.Value {
	in := make([]gorgonia.Value, len(i.Inputs))
	for at, v := range i.Inputs {
		in[at] = lowering.ValueOf(m.values[v], v.Shape)
	}
	return in
}

// convolve rounds the weights as well, which are float32 themselves.
func (m *lowered) convolve(c lowering.Convolution, i lowering.Instruction) ([]array, error) {
	in, s := m.inputs(i), c.Shape
	round := func(at int) {
		if c.Precision == lowering.BFloat16 {
			in[at] = lowering.ValueOf(rounded(m.values[i.Inputs[at]], BFloat16), i.Inputs[at].Shape)
		}
	}
	switch c.Direction {
	case lowering.Forward:
		round(1)
		y, err := do(model.Conv2D{Stride: s.Stride, Pad: s.Pad}, in...)
		return []array{y}, err
	case lowering.InputGradient:
		round(0)
		op := model.Conv2DInputGrad{Stride: s.Stride, Pad: s.Pad, Height: s.Height, Width: s.Width}
		dx, err := do(op, in[:2]...)
		if err == nil && c.Accumulate {
			dx = sum(dx, m.values[i.Inputs[2]])
		}
		return []array{dx}, err
	default:
		dw, err := do(model.Conv2DWeightGrad{Stride: s.Stride, Pad: s.Pad, Kernel: s.Kernel}, in...)
		return []array{dw}, err
	}
}

// behindReLU is dy, which with an affine, the weight and bias of the batch norm of x and stats, passes the ReLU behind that first.
func behindReLU(epsilon float64, xStats []gorgonia.Value, dy gorgonia.Value, affine []gorgonia.Value) (gorgonia.Value, error) {
	if len(affine) < 2 {
		return dy, nil
	}
	y, err := model.BatchNorm{Epsilon: epsilon}.Do(xStats[0], xStats[1], affine[0], affine[1])
	if err != nil {
		return nil, err
	}
	return model.ReLUGrad{}.Do(y, dy)
}

func do(op gorgonia.Op, in ...gorgonia.Value) (array, error) {
	result, err := op.Do(in...)
	if err != nil {
		return nil, err
	}
	return lowering.Elements(result), nil
}

func sum(a, b array) array {
	total := make(array, len(a))
	for i := range a {
		total[i] = a[i] + b[i]
	}
	return total
}

func rounded(a array, to func(float32) float32) array {
	result := make(array, len(a))
	for i, v := range a {
		result[i] = to(v)
	}
	return result
}

// Reset implements gorgonia.VM.
func (m *lowered) Reset() {}

// Close implements gorgonia.VM.
func (m *lowered) Close() error { return nil }

// Values implements engine.Machine.
func (m *lowered) Values(n *gorgonia.Node) []float32 {
	for _, visible := range []map[*gorgonia.Node]*lowering.Value{m.program.Leaves, m.program.Outputs} {
		if v, ok := visible[n]; ok {
			return m.values[v]
		}
	}
	panic(fmt.Sprintf("engine/enginetest: %q is neither a leaf nor a declared output", n.Name()))
}

// Kernels implements engine.Machine.
func (m *lowered) Kernels() engine.Kernels { return nil }
