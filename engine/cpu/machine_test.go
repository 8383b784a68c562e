package cpu_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/engine/cpu"
	"twinview/engine/enginetest"
	"twinview/experiment"
	"twinview/model"
)

// What the tests of this package use of enginetest.
var (
	networks  = enginetest.Networks
	run       = enginetest.Run
	runWith   = enginetest.RunWith
	outputsOf = enginetest.OutputsOf
	fill      = enginetest.Fill
	distance  = enginetest.Distance
)

func options(batch, size int) model.Options { return model.Options{Batch: batch, Size: size} }

func TestMachine(t *testing.T) { enginetest.Test(t, cpu.Compiler(cpu.Options{Threads: 2})) }

// Another engine rounds otherwise.
func TestTrainingOfAnotherEngineIsRefused(t *testing.T) {
	n, err := networks["linear"]()
	require.NoError(t, err)
	_, err = cpu.Compile(n.Graph, nil, engine.Kernels{engine.EngineKey: "cuda", "precision": "float32"})
	require.ErrorIs(t, err, engine.ErrUnsupported)
	require.ErrorContains(t, err, `engine "cuda"`)
}

// BenchmarkTrain is a step of SimCLR, forward and backward, without the optimiser.
func BenchmarkTrain(b *testing.B) {
	for _, c := range []struct {
		width, views, size int
		precision          cpu.Precision
	}{
		{64, 256, 32, cpu.Float32}, {64, 256, 32, cpu.BFloat16}, {32, 256, 32, cpu.Float32}, {32, 256, 32, cpu.BFloat16},
	} {
		b.Run(fmt.Sprintf("%v/width=%d/views=%d/size=%d", c.precision, c.width, c.views, c.size), func(b *testing.B) {
			if !cpu.Supports(c.precision) {
				b.Skipf("no instructions for %v", c.precision)
			}
			method := experiment.Method{
				Name: experiment.SimCLR, Temperature: 0.5,
				Projector: experiment.Projector{Layers: 2, Hidden: 512, Output: 128},
			}
			wide := experiment.Encoder{Architecture: experiment.ResNet18, Width: c.width}
			n, err := model.NewPretraining(wide, method, options(c.views, c.size))
			require.NoError(b, err)
			model.Initialise(n, 1)
			m, err := cpu.Compiler(cpu.Options{Precision: c.precision})(n.Graph, outputsOf(n), nil)
			require.NoError(b, err)
			defer m.Close()
			fill(m.Values(n.Images), 1, 1)
			require.NoError(b, m.RunAll())
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, m.RunAll())
			}
			b.ReportMetric(float64(c.views*b.N)/b.Elapsed().Seconds(), "views/s")
		})
	}
}
