package lowering

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Elements are those of a float32 value, which keeps them. It panics where the value is of another type, since no graph that
// Schedule accepts has one.
func Elements(v gorgonia.Value) []float32 {
	switch data := v.Data().(type) {
	case float32:
		return []float32{data}
	case []float32:
		return data
	default:
		panic(fmt.Sprintf("engine/lowering: value of type %T in a float32 graph", data))
	}
}

// ValueOf sees elements as a float32 value of a shape, which keeps them.
func ValueOf(elements []float32, shape tensor.Shape) gorgonia.Value {
	if shape.IsScalar() {
		return gorgonia.NewF32(elements[0])
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(elements))
}
