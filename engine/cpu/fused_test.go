package cpu_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine/cpu"
	"twinview/experiment"
	"twinview/model"
)

// TestConvolutionsTakeNormsInWithoutAChange: a network whose convolutions make batch norm and ReLU of their input as they
// read it computes the bits of one that has all of that in memory, as the caller asked for it.
func TestConvolutionsTakeNormsInWithoutAChange(t *testing.T) {
	wide := experiment.Encoder{Architecture: experiment.ResNet18, Width: 48}
	builds := map[string]func() (*model.Network, error){
		"no multiple of 32 channels": func() (*model.Network, error) { return model.NewClassifier(wide, 10, options(3, 9)) },
		"one image":                  func() (*model.Network, error) { return model.NewInference(wide, 10, options(1, 7)) },
	}
	for name, build := range networks {
		builds[name] = build
	}
	for name, build := range builds {
		for _, p := range []cpu.Precision{cpu.Float32, cpu.BFloat16} {
			for _, tile := range []int{2, 4} {
				t.Run(fmt.Sprintf("%s/%v/F%d", name, p, tile), func(t *testing.T) {
					needs(t, p)
					compile := cpu.Compiler(cpu.Options{Threads: 2, Precision: p, Winograd: everyWinograd(tile)})
					fused, outputs := run(t, build, compile, 3)
					plain, others := runWith(t, build, compile, 3, activationsOf)
					for i, n := range outputs {
						require.Equal(t, plain.Values(others[i]), fused.Values(n), "%s of shape %v", n.Name(), n.Shape())
					}
				})
			}
		}
	}
}

// activationsOf are the results of all ReLUs.
func activationsOf(n *model.Network) (activations gorgonia.Nodes) {
	for _, node := range n.Graph.AllNodes() {
		if _, ok := node.Op().(model.ReLU); ok {
			activations = append(activations, node)
		}
	}
	return activations
}

// TestNormTakenIn: whatever the signs of the batch norm's weights and biases, padding stays zero behind it, and NaN stays NaN.
func TestNormTakenIn(t *testing.T) {
	const channels = 48
	for _, p := range []cpu.Precision{cpu.Float32, cpu.BFloat16} {
		for _, tile := range []int{2, 4} {
			t.Run(fmt.Sprintf("%v/F%d", p, tile), func(t *testing.T) {
				needs(t, p)
				convolved := func(alsoReLU bool, nan bool) []float32 {
					g := gorgonia.NewGraph()
					leaf := func(name string, shape ...int) *gorgonia.Node {
						return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
					}
					x, eye := leaf("x", 3, 7, 7, channels), leaf("eye", channels, channels, 1, 1)
					stats, weight, bias := leaf("stats", 2, channels), leaf("weight", channels), leaf("bias", channels)
					w := leaf("w", 40, channels, 3, 3)
					// A first convolution brings x into the machine's precision.
					same := gorgonia.Must(gorgonia.ApplyOp(model.Conv2D{Stride: 1}, x, eye))
					norm := gorgonia.Must(gorgonia.ApplyOp(model.BatchNorm{Epsilon: 1e-5}, same, stats, weight, bias))
					relu := gorgonia.Must(gorgonia.ApplyOp(model.ReLU{}, norm))
					outputs := gorgonia.Nodes{gorgonia.Must(gorgonia.ApplyOp(model.Conv2D{Stride: 1, Pad: 1}, relu, w))}
					if alsoReLU {
						outputs = append(outputs, relu)
					}
					m, err := cpu.Compiler(cpu.Options{Threads: 2, Precision: p, Winograd: everyWinograd(tile)})(g, outputs, nil)
					require.NoError(t, err)
					defer m.Close()
					fill(m.Values(x), 1, 1)
					fill(m.Values(w), 2, 1)
					for c := range channels {
						m.Values(eye)[c*channels+c] = 1
						m.Values(stats)[c], m.Values(stats)[channels+c] = float32(c%5)/4, 1+float32(c%7)
						m.Values(weight)[c], m.Values(bias)[c] = float32(c%3-1), float32(c%4-1)
					}
					if nan {
						m.Values(x)[100] = float32(math.NaN())
					}
					require.NoError(t, m.RunAll())
					return slices.Clone(m.Values(outputs[0]))
				}
				require.Equal(t, convolved(true, false), convolved(false, false))
				require.True(t, slices.ContainsFunc(convolved(false, true), func(v float32) bool { return v != v }))
			})
		}
	}
}
