package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"twinview/experiment"
)

func initialised(t *testing.T, width int, seed uint64) map[string][]float64 {
	t.Helper()
	encoder := experiment.Encoder{Architecture: experiment.ResNet18, Width: width}
	n, err := NewInference(encoder, 10, Options{Batch: 1, Size: 8, DType: tensor.Float64})
	require.NoError(t, err)
	Initialise(n, seed)
	values := map[string][]float64{}
	for _, p := range n.Parameters {
		values[p.Name] = floats(t, p.Value.Value())
	}
	return values
}

// moments are the mean, the standard deviation and the greatest magnitude.
func moments(values []float64) (mean, deviation, greatest float64) {
	for _, v := range values {
		mean += v / float64(len(values))
		greatest = max(greatest, math.Abs(v))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation), greatest
}

func TestInitialiseFollowsTorchvision(t *testing.T) {
	values := initialised(t, 16, 1)
	for name, fanOut := range map[string]int{
		"layer1.0.conv1.weight": 16 * 9, "layer4.1.conv2.weight": 128 * 9, "layer4.0.downsample.0.weight": 128,
	} {
		want := math.Sqrt(2 / float64(fanOut))
		mean, deviation, greatest := moments(values[name])
		require.InDelta(t, 0, mean, 0.1*want, name)
		require.InEpsilon(t, want, deviation, 0.05, name)
		require.Greater(t, greatest, 3*want, "%s is normal, not uniform", name)
	}
	_, deviation, greatest := moments(values["fc.weight"])
	bound := 1 / math.Sqrt(128)
	require.InEpsilon(t, bound/math.Sqrt(3), deviation, 0.05)
	require.LessOrEqual(t, greatest, bound)
	_, _, greatest = moments(values["fc.bias"])
	require.LessOrEqual(t, greatest, bound)
	require.NotZero(t, greatest)
	for _, v := range values["layer2.0.downsample.1.weight"] {
		require.Equal(t, 1.0, v)
	}
	for _, v := range values["bn1.bias"] {
		require.Zero(t, v)
	}
}

func TestInitialiseIsAPureFunctionOfSeedAndName(t *testing.T) {
	first := initialised(t, 2, 1)
	require.Equal(t, first, initialised(t, 2, 1))
	require.NotEqual(t, first["conv1.weight"], initialised(t, 2, 2)["conv1.weight"])
	require.NotEqual(t, first["layer1.0.conv1.weight"], first["layer1.0.conv2.weight"])

	n, err := NewPretraining(tinyEncoder, tinySimCLR, Options{Batch: 8, Size: 16})
	require.NoError(t, err)
	Initialise(n, 1)
	for _, p := range n.Parameters {
		if want, shared := first[p.Name]; shared {
			requireClose(t, want, floats(t, p.Value.Value()), 1e-7)
		}
	}
}
