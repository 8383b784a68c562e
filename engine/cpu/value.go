package cpu

// #include "kernels/bridge.h"
import "C"

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Precision is the element type in which a machine keeps activations and their gradients. Parameters and their gradients,
// batch statistics, projections and losses are float32 always, and so are all sums.
type Precision uint32

const (
	Float32  Precision = C.TV_FLOAT32
	BFloat16 Precision = C.TV_BFLOAT16
)

func (p Precision) String() string {
	if p == BFloat16 {
		return "bfloat16"
	}
	return "float32"
}

// value is a leaf or what an instruction computes. Most stand for a node of the graph.
type value struct {
	name      string
	shape     tensor.Shape
	precision Precision
}

// elements is the number of elements, one for a scalar.
func (v *value) elements() int { return v.shape.TotalSize() }

// words is the size in float32s, the unit of memory.
func (v *value) words() int {
	if v.precision == BFloat16 {
		return (v.elements() + 1) / 2
	}
	return v.elements()
}

// rows sees a value as [rows, channels]: all axes but the last are rows.
func (v *value) rows() (rows, channels C.int64_t) {
	if v.shape.Dims() == 0 {
		return 1, 1
	}
	last := v.shape[v.shape.Dims()-1]
	return C.int64_t(v.shape.TotalSize() / last), C.int64_t(last)
}

// instruction computes values from others.
type instruction struct {
	op     any // a gorgonia.Op, or one of the fused ops of this package
	inputs []*value
	outs   []*value
}

// out is the only result of most instructions.
func (i instruction) out() *value { return i.outs[0] }

// program is a graph as instructions.
type program struct {
	instructions []instruction
	// leaves and outputs are what the caller writes and reads.
	leaves, outputs map[*gorgonia.Node]*value
}

// uses counts how often each value is read, by instructions or by the caller.
func (p *program) uses() map[*value]int {
	uses := map[*value]int{}
	for _, i := range p.instructions {
		for _, input := range i.inputs {
			uses[input]++
		}
	}
	for _, v := range p.outputs {
		uses[v]++
	}
	return uses
}
