package cpu

import (
	"slices"

	"twinview/model"
)

type (
	// normAddReLU is batch norm of inputs 0 to 3, plus input 4 if there are five, then ReLU if relu is set.
	normAddReLU struct {
		epsilon float64
		relu    bool
	}
	// normAffineGrad is model.BatchNormAffineGrad. With inputs 3 and 4, the batch norm's weight and bias, its dy is the
	// gradient behind a ReLU.
	normAffineGrad struct{ epsilon float64 }
	// normInputGrad is model.BatchNormInputGrad. With input 5, the batch norm's bias, its dy is the gradient behind a ReLU.
	normInputGrad struct{ epsilon float64 }
	// reluNormAffineGrad is model.ReLUGrad of (y, dy), inputs 2 and 3, and the BatchNormAffineGrad of (x, stats), inputs 0
	// and 1, and that gradient. Its results are in this order.
	reluNormAffineGrad struct{ epsilon float64 }
)

// fuse joins neighbouring passes over memory into one.
func (p *program) fuse() {
	p.fuseForward()
	p.fuseBackward()
	p.fuseSums()
	p.fuseInputs()
}

// fuseForward joins batch norm → (addition →) ReLU into one instruction where nothing else wants the values between. It is
// what ends each convolution of a ResNet.
func (p *program) fuseForward() {
	uses := p.uses()
	maker := map[*value]int{}
	gone := make([]bool, len(p.instructions))
	// single returns the index of the instruction that made v, if it is a batch norm whose result is used here alone.
	single := func(v *value) (int, bool) {
		at, made := maker[v]
		if !made || uses[v] != 1 {
			return 0, false
		}
		norm, ok := p.instructions[at].op.(normAddReLU)
		return at, ok && !norm.relu
	}
	for at := range p.instructions {
		i := &p.instructions[at]
		switch op := i.op.(type) {
		case model.BatchNorm:
			i.op = normAddReLU{epsilon: op.Epsilon}
		case addition:
			// Either side will do, but not one that has an addition in it already.
			for side := range 2 {
				norm, ok := single(i.inputs[side])
				if !ok || len(p.instructions[norm].inputs) != 4 {
					continue
				}
				i.inputs = append(slices.Clone(p.instructions[norm].inputs), i.inputs[1-side])
				i.op, gone[norm] = p.instructions[norm].op, true
				break
			}
		case model.ReLU:
			if norm, ok := single(i.inputs[0]); ok {
				i.inputs = p.instructions[norm].inputs
				i.op, gone[norm] = normAddReLU{p.instructions[norm].op.(normAddReLU).epsilon, true}, true
			}
		}
		maker[i.out()] = at
	}
	p.drop(gone)
}

// fuseBackward takes ReLU's gradient into the passes of the batch norm before it. Where the ReLU came right behind the
// batch norm, they find out by themselves what it let through. Where a residual was added between, others want the ReLU's
// gradient too, and the first pass that reads it makes it.
func (p *program) fuseBackward() {
	uses := p.uses()
	maker, readers := map[*value]int{}, map[*value][]int{}
	for at := range p.instructions {
		i := &p.instructions[at]
		switch op := i.op.(type) {
		case model.BatchNormAffineGrad:
			i.op = normAffineGrad{op.Epsilon}
		case model.BatchNormInputGrad:
			i.op = normInputGrad{op.Epsilon}
		}
		for _, v := range i.outs {
			maker[v] = at
		}
		for _, v := range i.inputs {
			readers[v] = append(readers[v], at)
		}
	}
	gone := make([]bool, len(p.instructions))
	for at, i := range p.instructions {
		if _, ok := i.op.(model.ReLUGrad); !ok {
			continue
		}
		y, dy, masked := i.inputs[0], i.inputs[1], i.out()
		affine := p.affineGradOf(masked, readers)
		if affine == nil {
			continue
		}
		if norm, ok := p.normBefore(y, maker, affine); ok && uses[masked] == 2 {
			if input := p.inputGradOf(masked, affine, readers); input != nil {
				weight, bias := norm.inputs[2], norm.inputs[3]
				affine.inputs = []*value{affine.inputs[0], affine.inputs[1], dy, weight, bias}
				input.inputs = append(slices.Clone(input.inputs), bias)
				input.inputs[3] = dy
				gone[at] = true
				continue
			}
		}
		*affine = instruction{
			reluNormAffineGrad{affine.op.(normAffineGrad).epsilon},
			[]*value{affine.inputs[0], affine.inputs[1], y, dy},
			[]*value{masked, affine.out()},
		}
		gone[at] = true
	}
	p.drop(gone)
}

// affineGradOf is the first reader of v if that is a normAffineGrad with dy v.
func (p *program) affineGradOf(v *value, readers map[*value][]int) *instruction {
	if len(readers[v]) == 0 {
		return nil
	}
	i := &p.instructions[readers[v][0]]
	if _, ok := i.op.(normAffineGrad); !ok || i.inputs[2] != v || i.inputs[0] == v {
		return nil
	}
	return i
}

// inputGradOf is the reader of v that belongs to the affine gradient.
func (p *program) inputGradOf(v *value, affine *instruction, readers map[*value][]int) *instruction {
	for _, at := range readers[v] {
		i := &p.instructions[at]
		_, ok := i.op.(normInputGrad)
		if ok && i.inputs[3] == v && i.inputs[0] == affine.inputs[0] && i.inputs[4] == affine.out() {
			return i
		}
	}
	return nil
}

// normBefore is the instruction that made y, if it is batch norm and ReLU alone, of the same x and statistics.
func (p *program) normBefore(y *value, maker map[*value]int, affine *instruction) (instruction, bool) {
	at, made := maker[y]
	if !made {
		return instruction{}, false
	}
	i := p.instructions[at]
	norm, ok := i.op.(normAddReLU)
	return i, ok && norm.relu && len(i.inputs) == 4 && i.inputs[0] == affine.inputs[0] && i.inputs[1] == affine.inputs[1]
}

// fuseSums lets a convolution that can add its input gradient to what comes by the shortcut.
func (p *program) fuseSums() {
	uses := p.uses()
	maker := map[*value]int{}
	gone := make([]bool, len(p.instructions))
	for at, i := range p.instructions {
		for _, v := range i.outs {
			maker[v] = at
		}
		if _, ok := i.op.(addition); !ok {
			continue
		}
		for side := range 2 {
			grad, other := i.inputs[side], i.inputs[1-side]
			made, ok := maker[grad]
			if !ok || uses[grad] != 1 {
				continue
			}
			c, ok := p.instructions[made].op.(convolution)
			if before, known := maker[other]; !ok || c.direction != inputGrad || c.algorithm == oneDNN || !known || before > made {
				continue
			}
			c.accumulate = true
			inputs := append(slices.Clone(p.instructions[made].inputs), other)
			p.instructions[made] = instruction{c, inputs, i.outs}
			gone[at] = true
			maker[i.out()] = made
			break
		}
	}
	p.drop(gone)
}

// fuseInputs lets convolutions make batch norm and ReLU of their input as they read it, where all who want the result can. It
// is never in memory then. That is the second convolution of each block of a ResNet, forward and for its weights' gradient.
func (p *program) fuseInputs() {
	others := p.uses() // those who are not such a convolution
	takers := map[*value][]int{}
	for at, i := range p.instructions {
		if c, ok := i.op.(convolution); ok && c.takesNorm() {
			takers[i.inputs[0]] = append(takers[i.inputs[0]], at)
			others[i.inputs[0]]--
		}
	}
	gone := make([]bool, len(p.instructions))
	for at, i := range p.instructions {
		norm, ok := i.op.(normAddReLU)
		if !ok || !norm.relu || len(i.inputs) != 4 || others[i.out()] > 0 {
			continue
		}
		for _, taker := range takers[i.out()] {
			to := &p.instructions[taker]
			c := to.op.(convolution)
			c.norm, c.epsilon = true, norm.epsilon
			*to = instruction{c, append([]*value{i.inputs[0], to.inputs[1]}, i.inputs[1:]...), to.outs}
		}
		gone[at] = true
	}
	p.drop(gone)
}

// takesNorm tells whether c can make batch norm and ReLU of its input with the bits of their own pass. That rounds otherwise
// what vectors of 16 channels leave over.
func (c convolution) takesNorm() bool {
	return c.direction != inputGrad && c.algorithm.tile() > 0 && c.shape.in%16 == 0
}

// drop removes the instructions that others have taken in.
func (p *program) drop(gone []bool) {
	kept := p.instructions[:0]
	for at, i := range p.instructions {
		if !gone[at] {
			kept = append(kept, i)
		}
	}
	p.instructions = kept
}
