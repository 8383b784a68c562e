package train

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/engine/cpu"
	"twinview/experiment"
)

// BenchmarkSnapshot measures what a checkpoint inside an epoch costs, of ResNet-18 at full width with an optimiser of one or
// two buffers: copy is the time that training waits; write is what happens beside it before the object leaves for the store.
func BenchmarkSnapshot(b *testing.B) {
	for _, optimizer := range []string{experiment.LARS, experiment.AdamW} {
		b.Run(optimizer+"/copy", func(b *testing.B) {
			betweenSteps(b, optimizer, func(snapshot func() (*State, error)) {
				for b.Loop() {
					_, err := snapshot()
					require.NoError(b, err)
				}
			})
		})
		b.Run(optimizer+"/write", func(b *testing.B) {
			betweenSteps(b, optimizer, func(snapshot func() (*State, error)) {
				s, err := snapshot()
				require.NoError(b, err)
				for b.Loop() {
					var file bytes.Buffer
					require.NoError(b, s.Write(&file))
					sha256.Sum256(file.Bytes())
					b.SetBytes(int64(file.Len()))
				}
			})
		})
	}
}

// betweenSteps trains one step of a small batch and calls measure behind it.
func betweenSteps(b *testing.B, optimizer string, measure func(snapshot func() (*State, error))) {
	b.Helper()
	spec := experiment.Default()
	spec.Pretrain.Optimizer.Name, spec.Pretrain.BatchSize = optimizer, 4
	s, err := NewPretrainState(&spec)
	require.NoError(b, err)
	o := Options{Compile: cpu.Compiler(cpu.Options{}), Between: func(snapshot func() (*State, error)) error {
		measure(snapshot)
		return errStopped
	}}
	_, err = PretrainEpoch(b.Context(), &spec, dataset.DrawSynthetic(1, 8, 0).Train, s, o)
	if !errors.Is(err, errStopped) {
		b.Fatal(err)
	}
}
