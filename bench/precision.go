package main

import (
	"fmt"
	"slices"
	"strings"

	"twinview/engine"
	"twinview/engine/cpu"
)

// precision is an arithmetic that everything is measured in.
type precision struct {
	name string
	// compile is the engine's compiler, nil as long as the engine has no such precision.
	compile engine.Compiler
	// element is what oneDNN's convolutions are of, and weightGrads what their weights' gradients may be of.
	element     element
	weightGrads []element
	// native tells whether the processor computes in it, rather than a library that emulates it.
	native func() bool
}

var precisions = []precision{
	{
		name: "float32", compile: cpu.Compile, native: func() bool { return true },
		element: float32s, weightGrads: []element{float32s},
	},
	{
		name: "bfloat16", native: hasBFloat16,
		element: bfloat16s, weightGrads: []element{float32s, bfloat16s},
	},
}

// nativePrecisions are those that this machine can be measured in.
func nativePrecisions() []precision {
	return slices.DeleteFunc(slices.Clone(precisions), func(p precision) bool { return !p.native() })
}

func precisionNamed(name string) (precision, error) {
	var names []string
	for _, p := range precisions {
		if p.name == name {
			if p.compile == nil || !p.native() {
				return precision{}, fmt.Errorf("engine or processor does not compute in %s", name)
			}
			return p, nil
		}
		names = append(names, p.name)
	}
	return precision{}, fmt.Errorf("no precision is called %q: there are %s", name, strings.Join(names, " and "))
}
