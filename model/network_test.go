package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

var (
	tinyEncoder = experiment.Encoder{Architecture: experiment.ResNet18, Width: 2}
	tinySimCLR  = experiment.Method{
		Name: experiment.SimCLR, Temperature: 0.5, Projector: experiment.Projector{Layers: 2, Hidden: 5, Output: 4},
	}
	tinyBarlowTwins = experiment.Method{
		Name: experiment.BarlowTwins, Lambda: 0.05, Projector: experiment.Projector{Layers: 3, Hidden: 5, Output: 4},
	}
)

// checkNetworkGradient compares the gradient of one element of every parameter with central differences.
func checkNetworkGradient(t *testing.T, n *Network) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 8))
	Initialise(n, 3)
	bind(n.Images, random(r, n.Images.Shape().TotalSize()))
	var grads gorgonia.Nodes
	for _, p := range n.Parameters {
		grads = append(grads, p.Grad)
	}
	symbolic := compute64(t, grads...)

	machine := gorgonia.NewTapeMachine(n.Graph)
	defer machine.Close()
	evaluate := func() float64 {
		machine.Reset()
		require.NoError(t, machine.RunAll())
		return floats(t, n.Loss.Value())[0]
	}
	for i, p := range n.Parameters {
		require.Equal(t, p.Value.Shape(), p.Grad.Shape(), p.Name)
		values := p.Value.Value().Data().([]float64)
		k := r.IntN(len(values))
		want := centralDifference(evaluate, &values[k], 1e-6)
		require.InDelta(t, want, symbolic[i][k], 1e-6*(1+math.Abs(want)), "by element %d of %s", k, p.Name)
	}
}

func TestPretrainingGradient(t *testing.T) {
	for _, method := range []experiment.Method{tinySimCLR, tinyBarlowTwins} {
		t.Run(method.Name, func(t *testing.T) {
			n, err := NewPretraining(tinyEncoder, method, Options{Batch: 8, Size: 8, DType: tensor.Float64})
			require.NoError(t, err)
			checkNetworkGradient(t, n)
		})
	}
}

func TestClassifierGradient(t *testing.T) {
	for _, architecture := range []string{experiment.ResNet18, experiment.ResNet34} {
		t.Run(architecture, func(t *testing.T) {
			encoder := experiment.Encoder{Architecture: architecture, Width: 2}
			n, err := NewClassifier(encoder, 3, Options{Batch: 4, Size: 8, DType: tensor.Float64})
			require.NoError(t, err)
			bind(n.Labels, []float64{2, 0, 1, 1})
			checkNetworkGradient(t, n)
		})
	}
}

func TestLinearGradient(t *testing.T) {
	n, err := NewLinear(5, 3, Options{Batch: 4, DType: tensor.Float64})
	require.NoError(t, err)
	require.Nil(t, n.Images)
	require.Len(t, n.Parameters, 2)
	Initialise(n, 1)
	bind(n.Features, random(rand.New(rand.NewPCG(1, 1)), 20))
	bind(n.Labels, []float64{2, 0, 1, 1})
	checkLinear(t, n)
}

// checkLinear compares with softmax regression written out: dW = Σ (p − y)·xᵀ / N and db = Σ (p − y) / N.
func checkLinear(t *testing.T, n *Network) {
	t.Helper()
	values := compute64(t, n.Parameters[0].Grad, n.Parameters[1].Grad, n.Features, n.Logits, n.Labels)
	weight, bias := make([]float64, 15), make([]float64, 3)
	for row := range 4 {
		logits := values[3][3*row : 3*row+3]
		total := math.Exp(logits[0]) + math.Exp(logits[1]) + math.Exp(logits[2])
		for k := range 3 {
			delta := math.Exp(logits[k]) / total / 4
			if float64(k) == values[4][row] {
				delta -= 0.25
			}
			bias[k] += delta
			for d := range 5 {
				weight[5*k+d] += delta * values[2][5*row+d]
			}
		}
	}
	requireClose(t, weight, values[0], 1e-12)
	requireClose(t, bias, values[1], 1e-12)
}

func TestNetworksRunInFloat32Too(t *testing.T) {
	for _, method := range []experiment.Method{tinySimCLR, tinyBarlowTwins} {
		var losses []float64
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			n, err := NewPretraining(tinyEncoder, method, Options{Batch: 8, Size: 8, DType: dtype})
			require.NoError(t, err)
			Initialise(n, 3)
			bind(n.Images, random(rand.New(rand.NewPCG(9, 9)), n.Images.Shape().TotalSize()))
			losses = append(losses, compute64(t, n.Loss)[0][0])
		}
		require.InEpsilon(t, losses[1], losses[0], 1e-3, method.Name)
	}
}

func TestSecondRunEqualsTheFirst(t *testing.T) {
	n, err := NewPretraining(tinyEncoder, tinyBarlowTwins, Options{Batch: 8, Size: 8})
	require.NoError(t, err)
	Initialise(n, 3)
	bind(n.Images, random(rand.New(rand.NewPCG(9, 9)), n.Images.Shape().TotalSize()))
	machine := gorgonia.NewTapeMachine(n.Graph)
	defer machine.Close()
	run := func() (values [][]float64) {
		machine.Reset()
		require.NoError(t, machine.RunAll())
		for _, p := range n.Parameters {
			values = append(values, floats(t, p.Grad.Value()), floats(t, p.Value.Value()))
		}
		return values
	}
	require.Equal(t, run(), run())
}

// Inference with the statistics of a batch as running statistics computes what training computes on that batch.
func TestInferenceByTheBatchsStatisticsEqualsTraining(t *testing.T) {
	o := Options{Batch: 4, Size: 8, DType: tensor.Float64}
	training, err := NewClassifier(tinyEncoder, 3, o)
	require.NoError(t, err)
	inference, err := NewInference(tinyEncoder, 3, o)
	require.NoError(t, err)
	encoder, err := NewEncoder(tinyEncoder, o)
	require.NoError(t, err)
	images := random(rand.New(rand.NewPCG(9, 9)), training.Images.Shape().TotalSize())
	for _, n := range []*Network{training, inference, encoder} {
		Initialise(n, 3)
		bind(n.Images, images)
	}
	bind(training.Labels, []float64{0, 1, 2, 0})

	outputs := gorgonia.Nodes{training.Features, training.Logits}
	for _, norm := range training.Norms {
		outputs = append(outputs, norm.Node)
	}
	values := compute64(t, outputs...)
	for i, norm := range training.Norms {
		for _, n := range []*Network{inference, encoder} {
			require.Equal(t, norm.Name, n.Norms[i].Name)
			bind(n.Norms[i].Node, values[2+i])
		}
	}
	requireClose(t, values[1], compute64(t, inference.Logits)[0], 1e-9)
	requireClose(t, values[0], compute64(t, encoder.Features)[0], 1e-9)
}

func TestNetworksNameTheirNodes(t *testing.T) {
	o := Options{Batch: 8, Size: 8}
	pretraining, err := NewPretraining(tinyEncoder, tinyBarlowTwins, o)
	require.NoError(t, err)
	require.Equal(t, tensor.Shape{8, 8, 8, 3}, pretraining.Images.Shape())
	require.Equal(t, tensor.Shape{8, 16}, pretraining.Features.Shape())
	require.Equal(t, tensor.Shape{8, 4}, pretraining.Projection.Shape())
	require.Equal(t, tensor.Float32, pretraining.Loss.Dtype())
	require.Nil(t, pretraining.Labels)
	require.Nil(t, pretraining.Logits)

	classifier, err := NewClassifier(tinyEncoder, 3, o)
	require.NoError(t, err)
	require.Equal(t, tensor.Shape{8}, classifier.Labels.Shape())
	require.Equal(t, tensor.Shape{8, 3}, classifier.Logits.Shape())

	encoder, err := NewEncoder(tinyEncoder, Options{Batch: 1, Size: 8})
	require.NoError(t, err)
	require.Nil(t, encoder.Loss)
	for _, p := range encoder.Parameters {
		require.Nil(t, p.Grad)
	}
	for _, norm := range encoder.Norms {
		require.True(t, norm.Node.IsVar(), "%s is a leaf", norm.Name)
	}
}

// Gorgonia's TapeMachine takes nodes with equal 32-bit hashes for one node.
func TestNodesOfANetworkHaveDistinctHashes(t *testing.T) {
	for _, c := range []struct {
		architecture string
		method       experiment.Method
	}{
		{experiment.ResNet18, tinySimCLR}, {experiment.ResNet18, tinyBarlowTwins},
		{experiment.ResNet34, tinySimCLR}, {experiment.ResNet34, tinyBarlowTwins},
	} {
		encoder := experiment.Encoder{Architecture: c.architecture, Width: 64}
		n, err := NewPretraining(encoder, c.method, Options{Batch: 512, Size: 32})
		require.NoError(t, err)
		seen := map[uint32]*gorgonia.Node{}
		for _, node := range n.Graph.AllNodes() {
			require.NotContains(t, seen, node.Hashcode(), "%v", node)
			seen[node.Hashcode()] = node
		}
	}
}

func TestNormsSayHowManyValuesTheyCount(t *testing.T) {
	n, err := NewPretraining(tinyEncoder, tinySimCLR, Options{Batch: 6, Size: 8})
	require.NoError(t, err)
	counts := map[string]int{}
	var names []string
	for _, norm := range n.Norms {
		counts[norm.Name] = norm.Count
		names = append(names, norm.Name)
	}
	require.Equal(t, []string{
		"bn1", "layer1.0.bn1", "layer1.0.bn2", "layer1.1.bn1", "layer1.1.bn2",
		"layer2.0.bn1", "layer2.0.bn2", "layer2.0.downsample.1", "layer2.1.bn1", "layer2.1.bn2",
		"layer3.0.bn1", "layer3.0.bn2", "layer3.0.downsample.1", "layer3.1.bn1", "layer3.1.bn2",
		"layer4.0.bn1", "layer4.0.bn2", "layer4.0.downsample.1", "layer4.1.bn1", "layer4.1.bn2", "projector.1",
	}, names)
	require.Equal(t, 6*8*8, counts["bn1"])
	require.Equal(t, 6*4*4, counts["layer2.0.downsample.1"])
	require.Equal(t, 6, counts["layer4.1.bn2"])
	require.Equal(t, 6, counts["projector.1"])
}

func TestWeightDecayLeavesBiasesAndNormsOut(t *testing.T) {
	n, err := NewClassifier(tinyEncoder, 3, Options{Batch: 6, Size: 8})
	require.NoError(t, err)
	for _, p := range n.Parameters {
		require.Equal(t, p.Value.Shape().Dims() > 1, p.Decay, p.Name)
	}
}

func TestPretrainingRefusesBadSettings(t *testing.T) {
	type settings struct {
		encoder experiment.Encoder
		method  experiment.Method
		options Options
	}
	for reason, change := range map[string]func(*settings){
		"encoder.width is 0":                     func(s *settings) { s.encoder.Width = 0 },
		"build the pretraining network: encoder": func(s *settings) { s.encoder.Width = -1 },
		`encoder.architecture is "vgg"`:          func(s *settings) { s.encoder.Architecture = "vgg" },
		`method.name is "byol"`:                  func(s *settings) { s.method.Name = "byol" },
		"method.temperature is 0":                func(s *settings) { s.method.Temperature = 0 },
		"method.lambda is -1":                    func(s *settings) { s.method = tinyBarlowTwins; s.method.Lambda = -1 },
		"method.projector.layers is 0":           func(s *settings) { s.method.Projector.Layers = 0 },
		"method.projector.hidden is 0":           func(s *settings) { s.method.Projector.Hidden = 0 },
		"method.projector.output is 0":           func(s *settings) { s.method.Projector.Output = 0 },
		"batch is 7 views, want a multiple of 2": func(s *settings) { s.options.Batch = 7 },
		"batch is 2 views, want at least 4":      func(s *settings) { s.options.Batch = 2 },
		"batch is 1, want at least 2":            func(s *settings) { s.options.Batch = 1 },
		"batch is 8 views, want a multiple of 3": func(s *settings) { s.options.Views = 3 },
		"1 views an image, want 2":               func(s *settings) { s.options.Views = 1 },
		"4 views an image, want 2":               func(s *settings) { s.method, s.options.Views = tinyBarlowTwins, 4 },
		"batch is 0, want at least 1":            func(s *settings) { s.options.Batch = 0 },
		"image size is 0":                        func(s *settings) { s.options.Size = 0 },
		"element type is int, want float32":      func(s *settings) { s.options.DType = tensor.Int },
	} {
		s := settings{tinyEncoder, tinySimCLR, Options{Batch: 8, Size: 8}}
		change(&s)
		_, err := NewPretraining(s.encoder, s.method, s.options)
		require.ErrorContains(t, err, reason)
	}
}

func TestOtherNetworksRefuseBadSettings(t *testing.T) {
	o := Options{Batch: 8, Size: 8}
	_, err := NewClassifier(tinyEncoder, 1, o)
	require.ErrorContains(t, err, "number of classes is 1")
	_, err = NewClassifier(tinyEncoder, 10, Options{Batch: 1, Size: 8})
	require.ErrorContains(t, err, "batch is 1")
	_, err = NewEncoder(tinyEncoder, Options{Batch: 1})
	require.ErrorContains(t, err, "image size is 0")
	_, err = NewLinear(0, 10, o)
	require.ErrorContains(t, err, "number of features is 0")
}
