//go:build gpu

package train

import (
	"context"
	"crypto/sha256"
	"fmt"
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

// stopAt trains, and takes a snapshot behind the step whose results came in as the n-th, while the next is on its way; a fresh call
// goes on from there.
func (c course) stopAt(t *testing.T, n int) outcome {
	t.Helper()
	var all outcome
	s := c.begin(t)
	calls := 0
	for len(all.epochs) < c.epochs {
		var left *State
		o := c.options
		o.Between = func(snapshot func() (*State, error)) (err error) {
			if calls++; calls != n {
				return nil
			}
			left, err = snapshot()
			require.NoError(t, err)
			return errStopped
		}
		stats, err := c.run(t.Context(), c.images, s, o)
		if left != nil {
			require.ErrorIs(t, err, errStopped)
			s = reread(t, left)
			continue
		}
		require.NoError(t, err)
		all.epochs = append(all.epochs, timeless(stats))
	}
	all.digest = fmt.Sprintf("%x", sha256.Sum256(written(t, s)))
	return all
}

// Cut anywhere, with steps in the queue, training on the GPU engine ends in the bits of one that nobody disturbs.
func TestInterruptedTrainingOnTheGPUEngine(t *testing.T) {
	spec := minuteSpec(experiment.SimCLR, experiment.LARS)
	onGPU := Options{Compile: cuda.Compiler(cuda.Options{Precision: cuda.BFloat16})}
	pretrained := newPretrained(t, spec)
	finetuning := pretraining(spec, 13, onGPU)
	finetuning.run, finetuning.epochs = finetuningBy(spec), spec.Finetune.Epochs
	finetuning.begin = func(t *testing.T) *State {
		t.Helper()
		s, err := NewFinetuneState(spec, tinyClasses, pretrained)
		require.NoError(t, err)
		return s
	}
	for name, c := range map[string]course{"pretraining": pretraining(spec, 13, onGPU), "fine-tuning": finetuning} {
		t.Run(name, func(t *testing.T) {
			want, steps := c.uncut(t)
			require.Greater(t, steps, 4)
			for n := 1; n <= steps; n++ {
				require.Equal(t, want, c.stopAt(t, n), "stopped at step %d of %d", n, steps)
			}
		})
	}
}

// A step that diverges is seen though the next has begun, and is the one that the error names.
func TestDivergenceOnTheGPUEngine(t *testing.T) {
	spec := minuteSpec(experiment.SimCLR, experiment.SGD)
	spec.Pretrain.Optimizer.LearningRate, spec.Pretrain.Schedule.WarmupEpochs = 1e30, 0
	losses := func(compile engine.Compiler) (reported int, step int) {
		s, err := NewPretrainState(spec)
		require.NoError(t, err)
		_, err = PretrainEpoch(t.Context(), spec, tinyImages(25), s, Options{
			Compile: compile, OnStep: func(experiment.Heartbeat) { reported++ },
		})
		var diverged *DivergedError
		require.ErrorAs(t, err, &diverged)
		require.Zero(t, s.Step, "the state is what it was")
		return reported, diverged.Step
	}
	wantReported, wantStep := losses(engine.Reference)
	reported, step := losses(cuda.Compiler(cuda.Options{}))
	require.Equal(t, [2]int{wantReported, wantStep}, [2]int{reported, step})
}

// An epoch whose context ends lets the steps in the queue end, and can be gone on with.
func TestContextEndsAnEpochOnTheGPUEngine(t *testing.T) {
	spec := minuteSpec(experiment.SimCLR, experiment.SGD)
	c := pretraining(spec, 25, Options{Compile: cuda.Compiler(cuda.Options{})})
	c.epochs = 1
	want, _ := c.uncut(t)
	s := c.begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	o, steps := c.options, 0
	var left *State
	o.OnStep = func(experiment.Heartbeat) {
		if steps++; steps == 2 {
			cancel()
		}
	}
	o.Between = func(snapshot func() (*State, error)) (err error) {
		if ctx.Err() != nil {
			left, err = snapshot()
		}
		return err
	}
	_, err := c.run(ctx, c.images, s, o)
	require.ErrorIs(t, err, context.Canceled)
	require.NotNil(t, left)
	require.GreaterOrEqual(t, left.StepsDone(), 2)
	s = reread(t, left)
	stats, err := c.run(t.Context(), c.images, s, c.options)
	require.NoError(t, err)
	require.Equal(t, want, outcome{
		digest: fmt.Sprintf("%x", sha256.Sum256(written(t, s))), epochs: []EpochStats{timeless(stats)},
	})
}

// A snapshot that is written when training has long gone on, and its machine is closed, is of the step behind which it was taken.
func TestSnapshotOnTheGPUEngine(t *testing.T) {
	spec := minuteSpec(experiment.SimCLR, experiment.AdamW)
	c := pretraining(spec, 25, Options{Compile: cuda.Compiler(cuda.Options{})})
	run := func(written func(t *testing.T, s *State) []byte) (snapshots []*State, all [][]byte) {
		s, o := c.begin(t), c.options
		o.Between = func(snapshot func() (*State, error)) error {
			taken, err := snapshot()
			require.NoError(t, err)
			snapshots, all = append(snapshots, taken), append(all, written(t, taken))
			return nil
		}
		_, err := c.run(t.Context(), c.images, s, o)
		require.NoError(t, err)
		return snapshots, all
	}
	timelessly := func(t *testing.T, s *State) []byte {
		s.progress.Seconds, s.progress.DataWaitSeconds = 0, 0
		return written(t, s)
	}
	_, want := run(timelessly)
	late, _ := run(func(*testing.T, *State) []byte { return nil })
	require.Greater(t, len(late), 2)
	require.Equal(t, len(want), len(late))
	for i, s := range late {
		require.Equal(t, want[i], timelessly(t, s), "snapshot %d, behind step %d", i, s.Step)
	}
}
