//go:build gpu

package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/engine/cuda"
	"twinview/experiment"
)

// The GPU engine follows the reference machine through whole epochs, with each optimiser, and repeats itself bit for bit.
func TestEpochsOnTheGPUEngine(t *testing.T) {
	onGPU := cuda.Compiler(cuda.Options{})
	for name, optimizer := range map[string]experiment.Optimizer{
		"lars":         goldenSpecs["lars"],
		"sgd nesterov": goldenSpecs["sgd nesterov"],
		"adamw":        goldenSpecs["adamw"],
	} {
		t.Run(name, func(t *testing.T) {
			spec := tinySpec(experiment.SimCLR)
			spec.Pretrain.BatchSize = 6 // batch norm over fewer values magnifies rounding
			optimizer.LearningRate = 0.01
			spec.Pretrain.Optimizer = optimizer
			_, want := pretrainOn(t, engine.Reference, spec)
			state, got := pretrainOn(t, onGPU, spec)
			require.InDeltaSlice(t, want, got, 1e-3)

			again, _ := pretrainOn(t, onGPU, spec)
			require.Equal(t, written(t, state), written(t, again))
		})
	}
}
