package main

import (
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/engine/cpu"
)

// precision is an arithmetic that everything is measured in.
type precision struct {
	name   string
	engine cpu.Precision
	// element is what oneDNN's convolutions are of, and weightGrads what their weights' gradients may be of.
	element     element
	weightGrads []element
	// tile is the largest of Winograd's algorithm that the engine may use.
	tile int
}

var precisions = []precision{
	{name: "float32", engine: cpu.Float32, element: float32s, weightGrads: []element{float32s}},
	{name: "bfloat16", engine: cpu.BFloat16, element: bfloat16s, weightGrads: []element{float32s, bfloat16s}},
}

// nativePrecisions are those that this machine can be measured in.
func nativePrecisions(s sizes) []precision {
	native := slices.Clone(precisions)
	for i := range native {
		native[i].tile = s.Tile
	}
	return slices.DeleteFunc(native, func(p precision) bool { return !cpu.Supports(p.engine) })
}

func precisionNamed(name string, s sizes) (precision, error) {
	var names []string
	for _, p := range nativePrecisions(s) {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return precision{}, fmt.Errorf("no precision of this processor is called %q: there are %s", name,
		strings.Join(names, " and "))
}

func (p precision) compiler() engine.Compiler {
	return cpu.Compiler(cpu.Options{
		Precision: p.engine, Winograd: cpu.Winograd{Forward: p.tile, InputGrad: p.tile, WeightGrad: p.tile},
	})
}

func (p precision) compile(g *gorgonia.ExprGraph, outputs gorgonia.Nodes) (engine.Machine, error) {
	return p.compiler()(g, outputs, nil)
}
