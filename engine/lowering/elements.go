package lowering

import (
	"fmt"

	"gorgonia.org/gorgonia"
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
