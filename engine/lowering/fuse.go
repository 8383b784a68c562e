package lowering

import (
	"slices"

	"twinview/model"
)

type (
	// NormAddReLU is batch norm of inputs 0 to 3, plus input 4 if there are five, then ReLU if that is set.
	NormAddReLU struct {
		Epsilon float64
		ReLU    bool
	}
	// NormAffineGrad is model.BatchNormAffineGrad. With inputs 3 and 4, the batch norm's weight and bias, its dy is the
	// gradient behind a ReLU.
	NormAffineGrad struct{ Epsilon float64 }
	// NormInputGrad is model.BatchNormInputGrad. With input 5, the batch norm's bias, its dy is the gradient behind a ReLU.
	NormInputGrad struct{ Epsilon float64 }
	// ReLUNormAffineGrad is model.ReLUGrad of (y, dy), inputs 2 and 3, and the BatchNormAffineGrad of (x, stats), inputs 0
	// and 1, and that gradient. Its results are in this order.
	ReLUNormAffineGrad struct{ Epsilon float64 }
)

// Passing says what a machine's convolutions do in passing. A nil function says that none does.
type Passing struct {
	// Accumulates tells whether c, an input gradient, adds to another value.
	Accumulates func(c Convolution) bool
	// Normalises tells whether c, of another direction, makes batch norm and ReLU of its input, with the bits of their own pass.
	Normalises func(c Convolution) bool
	// Gathers tells whether c, which is forward, gathers the statistics of its result.
	Gathers func(c Convolution) bool
}

// Fuse joins neighbouring passes over memory into one. No model.BatchNorm, BatchNormAffineGrad or BatchNormInputGrad is left.
func (p *Program) Fuse(in Passing) {
	p.fuseForward()
	p.fuseBackward()
	if in.Accumulates != nil {
		p.fuseSums(in.Accumulates)
	}
	if in.Normalises != nil {
		p.fuseInputs(in.Normalises)
	}
	if in.Gathers != nil {
		p.fuseStatistics(in.Gathers)
	}
}

// fuseForward joins batch norm → (addition →) ReLU into one instruction where nothing else wants the values between. It is
// what ends each convolution of a ResNet.
func (p *Program) fuseForward() {
	uses := p.uses()
	maker := map[*Value]int{}
	gone := make([]bool, len(p.Instructions))
	// single returns the index of the instruction that made v, if it is a batch norm whose result is used here alone.
	single := func(v *Value) (int, bool) {
		at, made := maker[v]
		if !made || uses[v] != 1 {
			return 0, false
		}
		norm, ok := p.Instructions[at].Op.(NormAddReLU)
		return at, ok && !norm.ReLU
	}
	for at := range p.Instructions {
		i := &p.Instructions[at]
		switch op := i.Op.(type) {
		case model.BatchNorm:
			i.Op = NormAddReLU{Epsilon: op.Epsilon}
		case Addition:
			// Either side will do, but not one that has an addition in it already.
			for side := range 2 {
				norm, ok := single(i.Inputs[side])
				if !ok || len(p.Instructions[norm].Inputs) != 4 {
					continue
				}
				i.Inputs = append(slices.Clone(p.Instructions[norm].Inputs), i.Inputs[1-side])
				i.Op, gone[norm] = p.Instructions[norm].Op, true
				break
			}
		case model.ReLU:
			if norm, ok := single(i.Inputs[0]); ok {
				i.Inputs = p.Instructions[norm].Inputs
				i.Op, gone[norm] = NormAddReLU{p.Instructions[norm].Op.(NormAddReLU).Epsilon, true}, true
			}
		}
		maker[i.Out()] = at
	}
	p.drop(gone)
}

// fuseBackward takes ReLU's gradient into the passes of the batch norm before it. Where the ReLU came right behind the
// batch norm, they find out by themselves what it let through. Where a residual was added between, others want the ReLU's
// gradient too, and the first pass that reads it makes it.
func (p *Program) fuseBackward() {
	uses := p.uses()
	maker, readers := map[*Value]int{}, map[*Value][]int{}
	for at := range p.Instructions {
		i := &p.Instructions[at]
		switch op := i.Op.(type) {
		case model.BatchNormAffineGrad:
			i.Op = NormAffineGrad{op.Epsilon}
		case model.BatchNormInputGrad:
			i.Op = NormInputGrad{op.Epsilon}
		}
		for _, v := range i.Outs {
			maker[v] = at
		}
		for _, v := range i.Inputs {
			readers[v] = append(readers[v], at)
		}
	}
	gone := make([]bool, len(p.Instructions))
	for at, i := range p.Instructions {
		if _, ok := i.Op.(model.ReLUGrad); !ok {
			continue
		}
		y, dy, masked := i.Inputs[0], i.Inputs[1], i.Out()
		affine := p.affineGradOf(masked, readers)
		if affine == nil {
			continue
		}
		if norm, ok := p.normBefore(y, maker, affine); ok && uses[masked] == 2 {
			if input := p.inputGradOf(masked, affine, readers); input != nil {
				weight, bias := norm.Inputs[2], norm.Inputs[3]
				affine.Inputs = []*Value{affine.Inputs[0], affine.Inputs[1], dy, weight, bias}
				input.Inputs = append(slices.Clone(input.Inputs), bias)
				input.Inputs[3] = dy
				gone[at] = true
				continue
			}
		}
		*affine = Instruction{
			ReLUNormAffineGrad{affine.Op.(NormAffineGrad).Epsilon},
			[]*Value{affine.Inputs[0], affine.Inputs[1], y, dy},
			[]*Value{masked, affine.Out()},
		}
		gone[at] = true
	}
	p.drop(gone)
}

// affineGradOf is the first reader of v if that is a NormAffineGrad with dy v.
func (p *Program) affineGradOf(v *Value, readers map[*Value][]int) *Instruction {
	if len(readers[v]) == 0 {
		return nil
	}
	i := &p.Instructions[readers[v][0]]
	if _, ok := i.Op.(NormAffineGrad); !ok || i.Inputs[2] != v || i.Inputs[0] == v {
		return nil
	}
	return i
}

// inputGradOf is the reader of v that belongs to the affine gradient.
func (p *Program) inputGradOf(v *Value, affine *Instruction, readers map[*Value][]int) *Instruction {
	for _, at := range readers[v] {
		i := &p.Instructions[at]
		_, ok := i.Op.(NormInputGrad)
		if ok && i.Inputs[3] == v && i.Inputs[0] == affine.Inputs[0] && i.Inputs[4] == affine.Out() {
			return i
		}
	}
	return nil
}

// normBefore is the instruction that made y, if it is batch norm and ReLU alone, of the same x and statistics.
func (p *Program) normBefore(y *Value, maker map[*Value]int, affine *Instruction) (Instruction, bool) {
	at, made := maker[y]
	if !made {
		return Instruction{}, false
	}
	i := p.Instructions[at]
	norm, ok := i.Op.(NormAddReLU)
	return i, ok && norm.ReLU && len(i.Inputs) == 4 && i.Inputs[0] == affine.Inputs[0] && i.Inputs[1] == affine.Inputs[1]
}

// fuseSums lets a convolution that can add its input gradient to what comes by the shortcut.
func (p *Program) fuseSums(accumulates func(c Convolution) bool) {
	uses := p.uses()
	maker := map[*Value]int{}
	gone := make([]bool, len(p.Instructions))
	for at, i := range p.Instructions {
		for _, v := range i.Outs {
			maker[v] = at
		}
		if _, ok := i.Op.(Addition); !ok {
			continue
		}
		for side := range 2 {
			grad, other := i.Inputs[side], i.Inputs[1-side]
			made, ok := maker[grad]
			if !ok || uses[grad] != 1 {
				continue
			}
			c, ok := p.Instructions[made].Op.(Convolution)
			if before, known := maker[other]; !ok || c.Direction != InputGradient || !accumulates(c) || !known || before > made {
				continue
			}
			c.Accumulate = true
			inputs := append(slices.Clone(p.Instructions[made].Inputs), other)
			p.Instructions[made] = Instruction{c, inputs, i.Outs}
			gone[at] = true
			maker[i.Out()] = made
			break
		}
	}
	p.drop(gone)
}

// fuseInputs lets convolutions make batch norm and ReLU of their input as they read it, where all who want the result can. It
// is never in memory then. That is the second convolution of each block of a ResNet, forward and for its weights' gradient.
func (p *Program) fuseInputs(normalises func(c Convolution) bool) {
	others := p.uses() // those who are not such a convolution
	takers := map[*Value][]int{}
	for at, i := range p.Instructions {
		if c, ok := i.Op.(Convolution); ok && c.Direction != InputGradient && normalises(c) {
			takers[i.Inputs[0]] = append(takers[i.Inputs[0]], at)
			others[i.Inputs[0]]--
		}
	}
	gone := make([]bool, len(p.Instructions))
	for at, i := range p.Instructions {
		norm, ok := i.Op.(NormAddReLU)
		if !ok || !norm.ReLU || len(i.Inputs) != 4 || others[i.Out()] > 0 {
			continue
		}
		for _, taker := range takers[i.Out()] {
			to := &p.Instructions[taker]
			c := to.Op.(Convolution)
			c.Norm, c.Epsilon = true, norm.Epsilon
			*to = Instruction{c, append([]*Value{i.Inputs[0], to.Inputs[1]}, i.Inputs[1:]...), to.Outs}
		}
		gone[at] = true
	}
	p.drop(gone)
}

// fuseStatistics lets convolutions make the statistics of the batch norm behind them.
func (p *Program) fuseStatistics(gathers func(c Convolution) bool) {
	maker := map[*Value]int{}
	gone := make([]bool, len(p.Instructions))
	for at, i := range p.Instructions {
		maker[i.Out()] = at
		if _, ok := i.Op.(model.BatchStats); !ok {
			continue
		}
		made, known := maker[i.Inputs[0]]
		if !known {
			continue
		}
		of := &p.Instructions[made]
		c, ok := of.Op.(Convolution)
		if !ok || c.Direction != Forward || c.Statistics || !gathers(c) {
			continue
		}
		c.Statistics = true
		*of = Instruction{c, of.Inputs, []*Value{of.Out(), i.Out()}}
		gone[at] = true
	}
	p.drop(gone)
}
