package model

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// NormFloor is the smallest norm that L2Normalize and Standardize divide by, that of torch.nn.functional.normalize.
const NormFloor = 1e-12

// pure is embedded in every op. It tells Gorgonia that the op allocates its result anew and never writes to an input, so
// a machine doesn't have to guess what may be overwritten.
type pure struct{}

// ReturnsPtr implements gorgonia.Op: the result shares no memory with an input.
func (pure) ReturnsPtr() bool { return false }

// CallsExtern implements gorgonia.Op: the reference implementation is plain Go.
func (pure) CallsExtern() bool { return false }

// OverwritesInput implements gorgonia.Op: no input is overwritten.
func (pure) OverwritesInput() int { return -1 }

// hashcode is the Hashcode of an op. Gorgonia merges nodes whose ops and inputs have equal hashes, so op.String must spell
// out every parameter.
func hashcode(op gorgonia.Op) uint32 {
	h := fnv.New32a()
	op.WriteHash(h)
	return h.Sum32()
}

// Type variables of op signatures. Gorgonia itself uses 'b' while it infers a node's type.
const (
	element = hm.TypeVariable('a')
	like    = hm.TypeVariable('c')
)

// ranked is the type of a tensor of the given rank; rank 0 is a scalar. Gorgonia unifies tensor types of any two ranks, so
// for an input the rank says no more than "a tensor": InferShape is what checks it.
func ranked(rank int) hm.Type {
	if rank == 0 {
		return element
	}
	return gorgonia.TensorType{Dims: rank, Of: element}
}

// signature is the type of an op from its inputs' ranks and, at the end, its result's.
func signature(ranks ...int) hm.Type {
	types := make([]hm.Type, len(ranks))
	for i, rank := range ranks {
		types[i] = ranked(rank)
	}
	return hm.NewFnType(types...)
}

// shapesOf returns the inputs' shapes after checking their number and ranks; rank -1 stands for any.
func shapesOf(inputs []gorgonia.DimSizer, ranks ...int) ([]tensor.Shape, error) {
	if len(inputs) != len(ranks) {
		return nil, fmt.Errorf("%d inputs, want %d", len(inputs), len(ranks))
	}
	shapes, err := gorgonia.DimSizersToShapes(inputs)
	if err != nil {
		return nil, fmt.Errorf("read the inputs' shapes: %w", err)
	}
	for i, shape := range shapes {
		if ranks[i] >= 0 && shape.Dims() != ranks[i] {
			return nil, fmt.Errorf("input %d has shape %v, want rank %d", i, shape, ranks[i])
		}
	}
	return shapes, nil
}

// wantShape returns an error unless the named input has the wanted shape.
func wantShape(name string, shape tensor.Shape, want ...int) error {
	if !slices.Equal(shape, tensor.Shape(want)) {
		return fmt.Errorf("%s has shape %v, want %v", name, shape, tensor.Shape(want))
	}
	return nil
}

// float is the element type of a graph.
type float interface{ float32 | float64 }

// array is a tensor's shape and its elements in row-major order. A scalar has rank 0 and one element.
type array[T float] struct {
	shape tensor.Shape
	data  []T
}

// kernel computes an op: it fills out, which is zeroed and has the inferred shape, and only reads the inputs.
type kernel[O gorgonia.Op, T float] func(op O, out array[T], in []array[T])

// compute is Do for every op: it checks the inputs, allocates the result and runs the kernel for their element type.
func compute[O gorgonia.Op](
	op O, inputs []gorgonia.Value, single kernel[O, float32], double kernel[O, float64],
) (gorgonia.Value, error) {
	shapes := make([]gorgonia.DimSizer, len(inputs))
	for i, input := range inputs {
		shapes[i] = input.Shape()
	}
	shape, err := op.InferShape(shapes...)
	if err != nil {
		return nil, fmt.Errorf("compute %v: %w", op, err)
	}
	if inputs[0].Dtype() == tensor.Float32 {
		return run(op, shape, inputs, single)
	}
	return run(op, shape, inputs, double)
}

func run[O gorgonia.Op, T float](
	op O, shape tensor.Shape, inputs []gorgonia.Value, k kernel[O, T],
) (gorgonia.Value, error) {
	in := make([]array[T], len(inputs))
	for i, input := range inputs {
		data, err := elements[T](input)
		if err != nil {
			return nil, fmt.Errorf("compute %v: input %d: %w", op, i, err)
		}
		in[i] = array[T]{input.Shape(), data}
	}
	out := array[T]{shape, make([]T, shape.TotalSize())}
	k(op, out, in)
	return out.value(), nil
}

// elements returns the memory of a value, without copying except for a scalar.
func elements[T float](v gorgonia.Value) ([]T, error) {
	var data any
	switch v := v.(type) {
	case *gorgonia.F32:
		data = []float32{float32(*v)}
	case *gorgonia.F64:
		data = []float64{float64(*v)}
	case *tensor.Dense:
		if v.RequiresIterator() || !v.DataOrder().IsRowMajor() {
			return nil, fmt.Errorf("tensor of shape %v is not contiguous in row-major order: clone it first", v.Shape())
		}
		switch v.Dtype() {
		case tensor.Float32:
			data = v.Float32s()
		case tensor.Float64:
			data = v.Float64s()
		}
	}
	elements, ok := data.([]T)
	if !ok {
		var want T
		return nil, fmt.Errorf("value is a %T of %v, want elements of type %T", v, v.Dtype(), want)
	}
	return elements, nil
}

func (a array[T]) value() gorgonia.Value {
	if !a.shape.IsScalar() {
		return tensor.New(tensor.WithShape(a.shape...), tensor.WithBacking(a.data))
	}
	switch data := any(a.data).(type) {
	case []float32:
		return gorgonia.NewF32(data[0])
	case []float64:
		return gorgonia.NewF64(data[0])
	}
	panic("unreachable: a float is a float32 or a float64")
}

// store rounds float64 sums to the element type.
func store[T float](dst []T, sums []float64) {
	for i, sum := range sums {
		dst[i] = T(sum)
	}
}
