package train

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/experiment"
	"twinview/model"
)

// trajectories is testdata/trajectories.json, made by testdata/trajectories.py.
type trajectories struct {
	Torch string
	Runs  map[string]struct {
		Losses []float64
		// Statistics are float32 in base64, by tensor.
		Statistics map[string]string
	}
}

// Sizes of trajectories.py.
const (
	goldenWidth   = 8
	goldenSize    = 4
	goldenImages  = 16
	goldenBatches = 5
	goldenSteps   = 50
)

var goldenMethods = map[string]string{"nt_xent": experiment.SimCLR, "barlow_twins": experiment.BarlowTwins}

var goldenOptimizers = map[string]experiment.Optimizer{
	"sgd":      {Name: experiment.SGD, LearningRate: 0.01, WeightDecay: 1e-3, Momentum: 0.9},
	"nesterov": {Name: experiment.SGD, LearningRate: 0.01, WeightDecay: 1e-3, Momentum: 0.9, Nesterov: true},
	"lars":     {Name: experiment.LARS, LearningRate: 0.3, WeightDecay: 1e-3, Momentum: 0.9, TrustCoefficient: 0.01},
	"adamw": {
		Name: experiment.AdamW, LearningRate: 1e-3, WeightDecay: 1e-2, Betas: [2]float64{0.9, 0.999}, Epsilon: 1e-6,
	},
}

// goldenDraw is draw of trajectories.py.
func goldenDraw(seed, count int) []float64 {
	values := make([]float64, count)
	for i, state := 0, seed; i < count; i++ {
		state = (1103515245*state + 12345) % (1 << 31)
		values[i] = float64(state)/(1<<31) - 0.5
	}
	return values
}

// goldenLayers are the shapes of the network's weights, each with a batch norm behind it but the last.
var goldenLayers = []struct {
	name, norm string
	shape      []int
}{
	{"conv1.weight", "bn1", []int{goldenWidth, 3, 3, 3}},
	{"conv2.weight", "bn2", []int{2 * goldenWidth, goldenWidth, 3, 3}},
	{"projector.0.weight", "projector.1", []int{16, 2 * goldenWidth}},
	{"projector.3.weight", "", []int{8, 16}},
}

// goldenNetwork is Pretraining of trajectories.py with its first weights, made of the ops of package model.
func goldenNetwork(t *testing.T, method string) *model.Network {
	t.Helper()
	n := &model.Network{Graph: gorgonia.NewGraph()}
	apply := func(op gorgonia.Op, inputs ...*gorgonia.Node) *gorgonia.Node {
		node, err := gorgonia.ApplyOp(op, inputs...)
		require.NoError(t, err)
		return node
	}
	leaf := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(n.Graph, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	}
	parameter := func(name string, decay bool, values []float32, shape ...int) *gorgonia.Node {
		node := leaf(name, shape...)
		require.NoError(t, gorgonia.Let(node, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))))
		n.Parameters = append(n.Parameters, model.Parameter{Name: name, Value: node, Decay: decay})
		return node
	}
	n.Images = leaf("images", 2*goldenImages, goldenSize, goldenSize, 3)
	x := n.Images
	for i, layer := range goldenLayers {
		count := tensor.Shape(layer.shape).TotalSize()
		values := make([]float32, count)
		scale := 4 / math.Sqrt(float64(count/layer.shape[0]))
		for k, v := range goldenDraw(len(n.Parameters)+1, count) {
			values[k] = float32(v * scale)
		}
		w := parameter(layer.name, true, values, layer.shape...)
		switch {
		case len(layer.shape) == 4:
			x = apply(model.Conv2D{Stride: 1 + i, Pad: 1}, x, w)
		case x.Dims() == 4:
			x = apply(model.MatMul{TransB: true}, apply(model.GlobalAvgPool{}, x), w)
		default:
			x = apply(model.MatMul{TransB: true}, x, w)
		}
		if layer.norm == "" {
			continue
		}
		channels := layer.shape[0]
		weight := parameter(layer.norm+".weight", false, slices.Repeat([]float32{1}, channels), channels)
		bias := parameter(layer.norm+".bias", false, make([]float32, channels), channels)
		stats := apply(model.BatchStats{}, x)
		n.Norms = append(n.Norms, model.NormStats{Name: layer.norm, Node: stats, Count: x.Shape().TotalSize() / channels})
		x = apply(model.ReLU{}, apply(model.BatchNorm{Epsilon: 1e-5}, x, stats, weight, bias))
	}
	n.Projection = x
	if method == experiment.SimCLR {
		n.Loss = apply(model.NTXent{Temperature: 0.5, Views: 2}, apply(model.L2Normalize{}, x))
	} else {
		first := apply(model.Standardize{}, apply(model.Rows{From: 0, To: goldenImages}, x))
		second := apply(model.Standardize{}, apply(model.Rows{From: goldenImages, To: 2 * goldenImages}, x))
		n.Loss = apply(model.RedundancyReduction{Lambda: 0.05}, first, second)
	}
	var values gorgonia.Nodes
	for _, p := range n.Parameters {
		values = append(values, p.Value)
	}
	grads, err := gorgonia.Grad(n.Loss, values...)
	require.NoError(t, err)
	for i := range n.Parameters {
		n.Parameters[i].Grad = grads[i]
	}
	return n
}

// goldenFeed writes the batches of trajectories.py into the images' leaf, in turn.
func goldenFeed(t *trainer) feed {
	step := 0
	return func(context.Context) error {
		const count = goldenImages * goldenSize * goldenSize * 3
		images := t.machine.Values(t.network.Images)
		first, change := goldenDraw(1000+step%goldenBatches, count), goldenDraw(2000+step%goldenBatches, count)
		for i := range count {
			images[i], images[count+i] = float32(4*first[i]), float32(4*first[i]+2*change[i])
		}
		step++
		return nil
	}
}

// TestTrainingFollowsPyTorch: from the same weights, on the same batches, 50 steps of a small network by the
// trainer of every epoch have the losses of PyTorch 2.15 and end in its running statistics.
//
// Measured on an AMD EPYC with AVX-512, on the reference machine and on the CPU engine with each of its algorithms: losses
// within 4.1e-6 (SimCLR 6.4e-7), statistics within 2.8e-6 of the largest of their layer. PyTorch's own float32 losses are
// within 8.2e-7 of its float64 ones.
func TestTrainingFollowsPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/trajectories.json")
	require.NoError(t, err)
	var golden trajectories
	require.NoError(t, json.Unmarshal(data, &golden))
	require.Len(t, golden.Runs, len(goldenMethods)*len(goldenOptimizers))
	for loss, method := range goldenMethods {
		for name, optimizer := range goldenOptimizers {
			want := golden.Runs[loss+" "+name]
			for machine, compile := range map[string]engine.Compiler{"CPU": onCPU.Compile, "reference": engine.Reference} {
				t.Run(loss+" "+name+" "+machine, func(t *testing.T) {
					losses, s := followGolden(t, compile, method, optimizer)
					require.Len(t, losses, len(want.Losses))
					worst := 0.0
					for i := range losses {
						worst = max(worst, math.Abs(losses[i]-want.Losses[i])/want.Losses[i])
						require.InEpsilon(t, want.Losses[i], losses[i], 1e-4, "step %d", i+1)
					}
					t.Logf("largest relative difference of a loss %.1e, of a running statistic %.1e", worst,
						compareStatistics(t, want.Statistics, s))
				})
			}
		}
	}
}

// followGolden takes the steps of trajectories.py.
func followGolden(
	t *testing.T, compile engine.Compiler, method string, optimizer experiment.Optimizer,
) (losses []float64, s *State) {
	t.Helper()
	network := goldenNetwork(t, method)
	rule, err := newOptimizer(optimizer)
	require.NoError(t, err)
	s, err = newState(tinySpec(method), experiment.StagePretrain, network, rule)
	require.NoError(t, err)
	rate := newSchedule(experiment.Schedule{Name: experiment.Constant}, optimizer.LearningRate, 1, goldenSteps)
	o := Options{Compile: compile, OnStep: func(h experiment.Heartbeat) { losses = append(losses, h.Loss) }}
	trainer, err := newTrainer(network, s, optimizer, rate, o)
	require.NoError(t, err)
	defer trainer.close()
	_, err = trainer.epoch(t.Context(), goldenSteps, 2*goldenImages, goldenFeed(trainer))
	require.NoError(t, err)
	s, err = trainer.finish()
	require.NoError(t, err)
	return losses, s
}

// compareStatistics returns the largest difference of a running mean or variance, relative to the largest of its layer.
func compareStatistics(t *testing.T, want map[string]string, s *State) (worst float64) {
	t.Helper()
	compared := 0
	for _, found := range s.StateDict() {
		if strings.HasSuffix(found.Name, batches) {
			require.Equal(t, []int64{goldenSteps}, found.Int64s, found.Name)
		}
		encoded, ok := want[found.Name]
		if !ok {
			continue
		}
		values, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err)
		require.Len(t, values, 4*len(found.Data), found.Name)
		wanted := make([]float64, len(found.Data))
		for i := range wanted {
			wanted[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(values[4*i:])))
		}
		largest := max(slices.Max(wanted), -slices.Min(wanted))
		for i, v := range found.Data {
			apart := math.Abs(float64(v)-wanted[i]) / largest
			require.LessOrEqual(t, apart, 1e-4, "%s[%d]", found.Name, i)
			worst = max(worst, apart)
		}
		compared++
	}
	require.Equal(t, len(want), compared)
	return worst
}
