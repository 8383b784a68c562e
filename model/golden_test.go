package model

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

// golden is what testdata/golden.py computed with PyTorch and torchvision, in float64.
type golden struct {
	SimCLR       goldenRun `json:"simclr"`
	SimCLR3Views goldenRun `json:"simclr_3_views"`
	BarlowTwins  goldenRun `json:"barlow_twins"`
	Classifier   goldenRun `json:"classifier"`
	// NTXent and RedundancyReduction are the losses alone.
	NTXent              []goldenLoss `json:"nt_xent"`
	RedundancyReduction []goldenLoss `json:"redundancy_reduction"`
	ResNet18            []struct {
		Name  string `json:"name"`
		Shape []int  `json:"shape"`
	} `json:"resnet18"`
}

type goldenRun struct {
	Features, Projection, Logits []float64
	Loss                         float64
	GradientNorms                map[string]float64 `json:"gradient_norms"`
}

// goldenLoss is a loss on projections [12, 5], with the gradient by each of their elements.
type goldenLoss struct {
	// Constant is the temperature or λ.
	Constant, Loss float64
	Gradient       []float64
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	return g
}

// goldenDraw is draw of testdata/golden.py.
func goldenDraw(seed, count int) []float64 {
	values := make([]float64, count)
	for i, state := 0, seed; i < count; i++ {
		state = (1103515245*state + 12345) % (1 << 31)
		values[i] = float64(state)/(1<<31) - 0.5
	}
	return values
}

// fillAsGolden binds what the script filled its network with.
func fillAsGolden(n *Network) {
	for i, p := range n.Parameters {
		values := goldenDraw(i+1, p.Value.Shape().TotalSize())
		if p.initial == ones {
			for k := range values {
				values[k]++
			}
		}
		bind(p.Value, values)
	}
	bind(n.Images, goldenDraw(1000, n.Images.Shape().TotalSize()))
}

// requireGolden runs the network and compares its loss and the norm of every gradient with PyTorch's.
func requireGolden(t *testing.T, want goldenRun, n *Network) {
	t.Helper()
	outputs := gorgonia.Nodes{n.Loss, n.Features}
	for _, p := range n.Parameters {
		outputs = append(outputs, p.Grad)
	}
	values := compute64(t, outputs...)
	require.InEpsilon(t, want.Loss, values[0][0], 1e-10)
	if want.Features != nil {
		requireClose(t, want.Features, values[1], 1e-10)
	}
	require.Len(t, n.Parameters, len(want.GradientNorms))
	for i, p := range n.Parameters {
		squares := 0.0
		for _, v := range values[2+i] {
			squares += v * v
		}
		require.InDelta(t, want.GradientNorms[p.Name], math.Sqrt(squares), 1e-8*(1+want.GradientNorms[p.Name]), p.Name)
	}
}

func TestPretrainingEqualsPyTorch(t *testing.T) {
	g := readGolden(t)
	projector := experiment.Projector{Layers: 2, Hidden: 5, Output: 4}
	method := experiment.Method{Temperature: 0.2, Lambda: 0.05, Projector: projector}
	for _, c := range []struct {
		method string
		views  int
		want   goldenRun
	}{
		{experiment.SimCLR, 2, g.SimCLR},
		{experiment.SimCLR, 3, g.SimCLR3Views},
		{experiment.BarlowTwins, 2, g.BarlowTwins},
	} {
		t.Run(fmt.Sprintf("%s, %d views", c.method, c.views), func(t *testing.T) {
			method.Name = c.method
			n, err := NewPretraining(tinyEncoder, method, Options{Batch: 6, Views: c.views, Size: 8, DType: tensor.Float64})
			require.NoError(t, err)
			fillAsGolden(n)
			requireGolden(t, c.want, n)
			requireClose(t, c.want.Projection, compute64(t, n.Projection)[0], 1e-10)
		})
	}
}

// The losses agree within 1e-12 of themselves, their gradients within 1e-11; 1e-6 would do.
func TestLossesEqualPyTorchs(t *testing.T) {
	g := readGolden(t)
	for name, c := range map[string]struct {
		seed  int
		cases []goldenLoss
		loss  func(z *gorgonia.Node, constant float64) *gorgonia.Node
	}{
		"NT-Xent": {3000, g.NTXent, func(z *gorgonia.Node, temperature float64) *gorgonia.Node {
			return apply(t, NTXent{Temperature: temperature, Views: 2}, apply(t, L2Normalize{}, z))
		}},
		"Barlow Twins": {3001, g.RedundancyReduction, func(z *gorgonia.Node, lambda float64) *gorgonia.Node {
			first, second := apply(t, Rows{From: 0, To: 6}, z), apply(t, Rows{From: 6, To: 12}, z)
			return barlowTwins(t, gorgonia.Nodes{first, second}, lambda)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, c.cases, 3)
			for _, want := range c.cases {
				z := leaves([]int{12, 5})[0]
				bind(z, goldenDraw(c.seed, 60))
				loss := c.loss(z, want.Constant)
				grads, err := gorgonia.Grad(loss, z)
				require.NoError(t, err)
				values := compute64(t, loss, grads[0])
				require.InEpsilon(t, want.Loss, values[0][0], 1e-12)
				requireClose(t, want.Gradient, values[1], 1e-11)
			}
		})
	}
}

func TestClassifierEqualsPyTorch(t *testing.T) {
	want := readGolden(t).Classifier
	n, err := NewClassifier(tinyEncoder, 3, Options{Batch: 6, Size: 8, DType: tensor.Float64})
	require.NoError(t, err)
	fillAsGolden(n)
	bind(n.Labels, []float64{0, 1, 2, 0, 1, 2})
	requireGolden(t, want, n)
	requireClose(t, want.Logits, compute64(t, n.Logits)[0], 1e-10)
}

func TestParametersAreTorchvisions(t *testing.T) {
	type parameter struct {
		name  string
		shape tensor.Shape
	}
	var golden []parameter
	for _, p := range readGolden(t).ResNet18 {
		golden = append(golden, parameter{p.Name, p.Shape})
	}
	// In a deeper network of the same blocks, a stage's further blocks are as its second.
	deeper := func(depth map[string]int) (all []parameter) {
		for _, p := range golden {
			all = append(all, p)
			stage, last, found := strings.Cut(p.name, ".1.bn2.bias")
			for block := 2; found && last == "" && block < depth[stage]; block++ {
				for _, second := range golden {
					if rest, ok := strings.CutPrefix(second.name, stage+".1."); ok {
						all = append(all, parameter{fmt.Sprintf("%s.%d.%s", stage, block, rest), second.shape})
					}
				}
			}
		}
		return all
	}
	for _, c := range []struct {
		architecture string
		want         []parameter
		// count is that of torchvision's network with 3×3 for 7×7 in its stem and 10 classes for 1,000.
		count int
	}{
		{experiment.ResNet18, golden, 11_689_512 - 64*3*(49-9) - 513*990},
		{
			experiment.ResNet34, deeper(map[string]int{"layer1": 3, "layer2": 4, "layer3": 6, "layer4": 3}),
			21_797_672 - 64*3*(49-9) - 513*990,
		},
	} {
		t.Run(c.architecture, func(t *testing.T) {
			encoder := experiment.Encoder{Architecture: c.architecture, Width: 64}
			n, err := NewInference(encoder, 10, Options{Batch: 1, Size: 32})
			require.NoError(t, err)
			require.Len(t, n.Parameters, len(c.want))
			count := 0
			for i, p := range n.Parameters {
				require.Equal(t, c.want[i].name, p.Name)
				require.Equal(t, c.want[i].shape, p.Value.Shape(), p.Name)
				count += p.Value.Shape().TotalSize()
			}
			require.Equal(t, c.count, count)
		})
	}
}
