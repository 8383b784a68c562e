//go:build gpu

package cuda_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/engine/enginetest"
	"twinview/engine/lowering"
	"twinview/experiment"
	"twinview/model"
)

func TestMachine(t *testing.T) { enginetest.Test(t, cuda.Compiler(cuda.Options{})) }

// In bfloat16 a network as small as these is off by a tenth and more from one in float32. That is what rounding makes of it where
// batch norm has few values, and nothing else: with the same rounding the model's own ops come to the same.
func TestBFloat16RoundsWhereTheLoweringSays(t *testing.T) {
	enginetest.TestRounding(t, cuda.Compiler(cuda.Options{Precision: cuda.BFloat16}), enginetest.Lowered{
		Precision: cuda.BFloat16, Accumulates: func(lowering.Convolution) bool { return true }, Factor: enginetest.TF32,
	})
}

func TestWrongLabelIsNamed(t *testing.T) {
	n, err := enginetest.Networks["classifier"]()
	require.NoError(t, err)
	model.Initialise(n, 1)
	m, err := cuda.Compiler(cuda.Options{})(n.Graph, enginetest.OutputsOf(n), nil)
	require.NoError(t, err)
	defer m.Close()
	enginetest.Fill(m.Values(n.Images), 1, 1)
	copy(m.Values(n.Labels), []float32{1, 10, -1})
	require.ErrorContains(t, m.RunAll(), "label of row 1 is no class: want an integer from 0 to 9")
	copy(m.Values(n.Labels), []float32{1, 9, 0})
	require.NoError(t, m.RunAll())
}

// The error's word is kept: the batch that it names does fit, and the optimiser beside it.
func TestShortageNamesTheBatchThatFits(t *testing.T) {
	if os.Getenv("TWINVIEW_STANDIN_MEMORY") == "" {
		t.Skip("needs the stand-in's small memory: make test-cuda")
	}
	compile := func(batch int) error {
		n, err := model.NewClassifier(experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}, 10,
			model.Options{Batch: batch, Size: 32})
		require.NoError(t, err)
		m, err := cuda.Compiler(cuda.Options{})(n.Graph, enginetest.OutputsOf(n), nil)
		if err != nil {
			return err
		}
		defer func() { require.NoError(t, m.Close()) }()
		return optimise(m, n)
	}
	err := compile(4096)
	require.ErrorContains(t, err, "out of memory")
	var short *engine.MemoryError
	require.ErrorAs(t, err, &short)
	require.Equal(t, "cuda:0", short.Device)
	require.Equal(t, 4096, short.Rows)
	fits := short.Fits
	require.Greater(t, fits, 1)
	require.NoError(t, compile(fits))
	require.ErrorAs(t, compile(fits+fits/4+1), &short, "it is not far from the most that fits")
}

// optimise gives a machine the optimiser that takes the most memory.
func optimise(m engine.Machine, n *model.Network) error {
	var parameters []engine.Parameter
	for _, p := range n.Parameters {
		parameters = append(parameters, engine.Parameter{Value: p.Value, Grad: p.Grad})
	}
	_, err := m.(engine.Optimizing).NewOptimizer(experiment.Optimizer{Name: experiment.AdamW}, parameters)
	return err
}

// What the device has left is enough for weights and gradients, and not for what AdamW keeps of them.
func TestShortageOfTheOptimizer(t *testing.T) {
	if os.Getenv("TWINVIEW_STANDIN_MEMORY") == "" {
		t.Skip("needs the stand-in's small memory: make test-cuda")
	}
	n, err := model.NewLinear(5_000_000, 10, model.Options{Batch: 1})
	require.NoError(t, err)
	m, err := cuda.Compiler(cuda.Options{})(n.Graph, enginetest.OutputsOf(n), nil)
	require.NoError(t, err)
	var short *engine.MemoryError
	require.ErrorAs(t, optimise(m, n), &short)
	require.Zero(t, short.Fits)
	require.NoError(t, m.Close())
	now, _ := cuda.Memory()
	require.Zero(t, now, "nothing of it is left, and data sets that nobody uses have made room")
}

func TestOpWithoutKernelIsRefused(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewVector(g, tensor.Float32, gorgonia.WithShape(3), gorgonia.WithName("x"))
	square, err := gorgonia.Square(x)
	require.NoError(t, err)
	_, err = cuda.Compiler(cuda.Options{})(g, gorgonia.Nodes{square}, nil)
	require.ErrorContains(t, err, "no kernel for the op "+square.Op().String())
}

func TestRecordOfAnotherEngineIsRefused(t *testing.T) {
	n, err := enginetest.Networks["linear"]()
	require.NoError(t, err)
	_, err = cuda.Compiler(cuda.Options{})(n.Graph, nil, engine.Kernels{"precision": "float32"})
	require.ErrorIs(t, err, engine.ErrUnsupported)
	_, err = cuda.Compiler(cuda.Options{})(n.Graph, nil, engine.Kernels{engine.EngineKey: "cuda", "precision": "float8"})
	require.ErrorIs(t, err, engine.ErrUnsupported)
	m, err := cuda.Compiler(cuda.Options{Precision: cuda.BFloat16})(n.Graph, nil,
		engine.Kernels{engine.EngineKey: "cuda", "precision": "float32"})
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, "float32", m.Kernels()["precision"])
}

func TestMissingDevice(t *testing.T) {
	n, err := enginetest.Networks["linear"]()
	require.NoError(t, err)
	_, err = cuda.Compiler(cuda.Options{Device: 99})(n.Graph, nil, nil)
	require.ErrorContains(t, err, "there is no device cuda:99")
	description, err := cuda.Description(0)
	require.NoError(t, err)
	require.Contains(t, description, "CUDA on ")
}

// Every convolution of a network whose channels come in eights is an implicit GEMM in bfloat16, and what was chosen is recorded and
// taken again.
func TestKernelsOfConvolutions(t *testing.T) {
	build := func() (*model.Network, error) {
		return model.NewClassifier(experiment.Encoder{Architecture: experiment.ResNet18, Width: 8}, 10,
			model.Options{Batch: 2, Size: 8})
	}
	for _, measure := range []bool{false, true} {
		compile := cuda.Compiler(cuda.Options{Precision: cuda.BFloat16, Measure: measure})
		m, outputs := enginetest.Run(t, build, compile, 1)
		recorded := m.Kernels()
		require.Greater(t, len(recorded), 20)
		for name, kernel := range recorded {
			if name != "precision" && name != engine.EngineKey {
				require.Contains(t, kernel, "bfloat16", "%s", name)
			}
		}
		again := func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, _ engine.Kernels) (engine.Machine, error) {
			return cuda.Compiler(cuda.Options{Measure: !measure})(g, outputs, recorded)
		}
		other, others := enginetest.Run(t, build, again, 1)
		require.Equal(t, recorded, other.Kernels())
		for i, n := range outputs {
			require.Equal(t, m.Values(n), other.Values(others[i]), "%q of shape %v", n.Name(), n.Shape())
		}
		for name := range recorded {
			if name != "precision" && name != engine.EngineKey {
				recorded[name] = "convolution_of_another_version"
			}
		}
		n, err := build()
		require.NoError(t, err)
		_, err = again(n.Graph, enginetest.OutputsOf(n), nil)
		require.ErrorIs(t, err, engine.ErrUnsupported)
		require.ErrorContains(t, err, "convolution_of_another_version")
	}
}

// TF32 is off by what the rounding of factors makes of it, which batch norm over so few values magnifies. It is recorded, and
// training goes on as recorded.
func TestTF32(t *testing.T) {
	build := enginetest.Networks["SimCLR"]
	m, outputs := enginetest.Run(t, build, cuda.Compiler(cuda.Options{TF32: true}), 3)
	want, others := enginetest.Run(t, build, engine.Reference, 3)
	require.Equal(t, "tf32", m.Kernels()["precision"])
	d := enginetest.Distance(m.Values(outputs[0]), want.Values(others[0]))
	require.Less(t, d, 0.03) // an eighth of what bfloat16 may be off by, as are the factors
	require.Greater(t, d, 0x1p-20, "it is float32's")
	n, err := build()
	require.NoError(t, err)
	again, err := cuda.Compiler(cuda.Options{})(n.Graph, nil, m.Kernels())
	require.NoError(t, err)
	defer again.Close()
	require.Equal(t, "tf32", again.Kernels()["precision"])
}

// Channels that no fast kernel takes go by the direct one, and whatever has another kernel by that.
func TestOddChannelsGoDirectly(t *testing.T) {
	build := func() (*model.Network, error) {
		return model.NewClassifier(experiment.Encoder{Architecture: experiment.ResNet18, Width: 12}, 10,
			model.Options{Batch: 2, Size: 16})
	}
	m, outputs := enginetest.Run(t, build, cuda.Compiler(cuda.Options{Precision: cuda.BFloat16}), 1)
	want, others := enginetest.Run(t, build, engine.Reference, 1)
	require.Less(t, enginetest.Distance(m.Values(outputs[0]), want.Values(others[0])), 0.1)
	count := map[bool]int{}
	for name, kernel := range m.Kernels() {
		if name != "precision" && name != engine.EngineKey {
			count[kernel == "direct"]++
		}
	}
	require.Positive(t, count[true])
	require.Positive(t, count[false], "96 channels come in eights")
}
