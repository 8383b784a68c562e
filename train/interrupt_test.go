package train

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/dataset"
	"twinview/engine/cpu"
	"twinview/experiment"
)

// course is a training from its first state to the end of its last epoch.
type course struct {
	begin   func(t *testing.T) *State
	run     epochOf
	images  dataset.Images
	options Options
	epochs  int
}

// outcome is all that may not depend on where a training was cut: the SHA-256 of the last state, and what each epoch
// measured of itself, but for its times.
type outcome struct {
	digest string
	epochs []EpochStats
}

// through trains to the end. Behind each step that cut names, counted from 1, the call ends, and a fresh one goes on with
// what carry makes of the state; so it does between two epochs.
func (c course) through(t *testing.T, cut func(step int) bool, carry func(t *testing.T, s *State) *State) outcome {
	t.Helper()
	var all outcome
	s := c.begin(t)
	for len(all.epochs) < c.epochs {
		var left *State
		o := c.options
		o.Between = func(snapshot func() (*State, error)) error {
			taken, err := snapshot()
			require.NoError(t, err)
			if !cut(taken.Step) {
				return nil
			}
			left = taken
			return errStopped
		}
		stats, err := c.run(t.Context(), c.images, s, o)
		if left != nil {
			require.ErrorIs(t, err, errStopped)
			s = carry(t, left)
			continue
		}
		require.NoError(t, err)
		all.epochs = append(all.epochs, timeless(stats))
		if cut(s.Step) {
			s = carry(t, s)
		}
	}
	all.digest = fmt.Sprintf("%x", sha256.Sum256(written(t, s)))
	return all
}

func timeless(s EpochStats) EpochStats {
	s.Seconds, s.DataWaitSeconds, s.ViewsPerSecond = 0, 0, 0
	return s
}

func never(int) bool  { return false }
func always(int) bool { return true }

func only(step int) func(int) bool { return func(s int) bool { return s == step } }

// uncut is the outcome of a training that nobody disturbs, and the number of its steps.
func (c course) uncut(t *testing.T) (want outcome, steps int) {
	t.Helper()
	s := c.begin(t)
	for range c.epochs {
		stats, err := c.run(t.Context(), c.images, s, c.options)
		require.NoError(t, err)
		want.epochs = append(want.epochs, timeless(stats))
	}
	want.digest = fmt.Sprintf("%x", sha256.Sum256(written(t, s)))
	return want, s.Step
}

// requireCuts cuts the training behind each of its steps, and behind all of them, and compares with the uncut one.
func (c course) requireCuts(t *testing.T) {
	t.Helper()
	want, steps := c.uncut(t)
	require.Greater(t, steps, c.epochs, "cuts fall inside epochs too")
	require.Equal(t, want, c.through(t, never, reread), "looked at behind every step")
	for step := 1; step <= steps; step++ {
		require.Equal(t, want, c.through(t, only(step), reread), "cut behind step %d of %d", step, steps)
	}
	require.Equal(t, want, c.through(t, always, reread), "cut behind every step")
}

// minuteSpec is the least that still has every layer, for two epochs. The encoder can't be narrower: encoder.width is a
// multiple of 8.
func minuteSpec(method, optimizer string) *experiment.Spec {
	spec := tinySpec(method)
	spec.Method.Projector = experiment.Projector{Layers: 2, Hidden: 8, Output: 4}
	spec.Pretrain.Epochs, spec.Pretrain.Optimizer.Name = 2, optimizer
	spec.Finetune.Epochs, spec.Finetune.Optimizer.Name = 2, optimizer
	spec.LinearAugmented = &experiment.LinearAugmented{
		Epochs: 2, BatchSize: 4, Optimizer: spec.Finetune.Optimizer, Schedule: spec.Finetune.Schedule,
		Augment: spec.Finetune.Augment,
	}
	return spec
}

func pretraining(spec *experiment.Spec, images int, o Options) course {
	return course{
		begin: func(t *testing.T) *State {
			t.Helper()
			s, err := NewPretrainState(spec)
			require.NoError(t, err)
			return s
		},
		run: pretrainingOf(spec), images: tinyImages(images), options: o, epochs: spec.Pretrain.Epochs,
	}
}

// Cut anywhere and gone on with from the serialised state, pretraining ends in the same bits, whatever the configuration.
// Each case names what it has that the others have not.
func TestInterruptedPretrainingEndsInTheSameDigest(t *testing.T) {
	winograd := cpu.Winograd{Forward: 4, InputGrad: 4, WeightGrad: 4}
	wide := func(s *experiment.Spec) { s.Encoder.Width = 16 } // our own kernels begin at 16 channels
	for _, test := range []struct {
		name, method, optimizer string
		change                  func(*experiment.Spec)
		images                  int
		options                 cpu.Options
	}{
		{name: "SGD", method: experiment.SimCLR, optimizer: experiment.SGD, images: 9},
		{name: "LARS", method: experiment.SimCLR, optimizer: experiment.LARS, images: 9},
		{name: "AdamW", method: experiment.SimCLR, optimizer: experiment.AdamW, images: 9},
		{name: "Barlow Twins, SGD", method: experiment.BarlowTwins, optimizer: experiment.SGD, images: 9},
		{name: "Barlow Twins, LARS", method: experiment.BarlowTwins, optimizer: experiment.LARS, images: 9},
		{name: "Barlow Twins, AdamW", method: experiment.BarlowTwins, optimizer: experiment.AdamW, images: 9},
		{
			name: "two threads", method: experiment.SimCLR, optimizer: experiment.LARS, images: 9,
			options: cpu.Options{Threads: 2},
		},
		{
			name: "Barlow Twins, two threads", method: experiment.BarlowTwins, optimizer: experiment.LARS, images: 9,
			options: cpu.Options{Threads: 2},
		},
		{
			name: "larger batches", method: experiment.SimCLR, optimizer: experiment.SGD, images: 16,
			change: func(s *experiment.Spec) { s.Pretrain.BatchSize = 7 },
		},
		{
			name: "smaller batches", method: experiment.BarlowTwins, optimizer: experiment.SGD, images: 10,
			change: func(s *experiment.Spec) { s.Pretrain.BatchSize = 3 },
		},
		{
			name: "three views", method: experiment.SimCLR, optimizer: experiment.AdamW, images: 9,
			change: func(s *experiment.Spec) { s.Augment.Views = 3 },
		},
		{
			name: "progressive resizing", method: experiment.SimCLR, optimizer: experiment.LARS, images: 9,
			change: func(s *experiment.Spec) {
				s.Pretrain.Epochs = 3
				s.Pretrain.ProgressiveResizing = []experiment.ResizingPhase{{Epochs: 1, Size: 8}, {Epochs: 1, Size: 16}}
			},
		},
		{
			name: "Winograd", method: experiment.SimCLR, optimizer: experiment.SGD, images: 9, change: wide,
			options: cpu.Options{Winograd: winograd},
		},
		{
			name: "bfloat16", method: experiment.SimCLR, optimizer: experiment.LARS, images: 9, change: wide,
			options: cpu.Options{Precision: cpu.BFloat16, Winograd: winograd},
		},
		{
			name: "bfloat16, two threads, Barlow Twins", method: experiment.BarlowTwins, optimizer: experiment.AdamW, images: 9,
			change: wide, options: cpu.Options{Threads: 2, Precision: cpu.BFloat16},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.options.Precision == cpu.BFloat16 && !cpu.Supports(cpu.BFloat16) {
				t.Skip("this CPU has no instructions for bfloat16")
			}
			spec := minuteSpec(test.method, test.optimizer)
			if test.change != nil {
				test.change(spec)
			}
			test.options.Threads = max(1, test.options.Threads)
			pretraining(spec, test.images, Options{Compile: cpu.Compiler(test.options)}).requireCuts(t)
		})
	}
}

func TestInterruptedPretrainingOnTheReferenceMachineEndsInTheSameDigest(t *testing.T) {
	pretraining(minuteSpec(experiment.SimCLR, experiment.LARS), 9, onReference).requireCuts(t)
}

func TestInterruptedFinetuningEndsInTheSameDigest(t *testing.T) {
	for _, optimizer := range []string{experiment.SGD, experiment.LARS, experiment.AdamW} {
		t.Run(optimizer, func(t *testing.T) {
			spec := minuteSpec(experiment.SimCLR, optimizer)
			pretrained := newPretrained(t, spec)
			c := pretraining(spec, 9, Options{Compile: cpu.Compiler(cpu.Options{Threads: 2})})
			c.run, c.epochs = finetuningBy(spec), spec.Finetune.Epochs
			c.begin = func(t *testing.T) *State {
				t.Helper()
				s, err := NewFinetuneState(spec, tinyClasses, pretrained)
				require.NoError(t, err)
				return s
			}
			c.requireCuts(t)
		})
	}
}

func TestInterruptedLinearEvaluationWithAugmentationEndsInTheSameDigest(t *testing.T) {
	for _, optimizer := range []string{experiment.SGD, experiment.LARS, experiment.AdamW} {
		t.Run(optimizer, func(t *testing.T) {
			spec := minuteSpec(experiment.BarlowTwins, optimizer)
			encoder := newPretrained(t, spec)
			c := pretraining(spec, 9, onCPU)
			c.epochs = spec.LinearAugmented.Epochs
			c.run = func(ctx context.Context, images dataset.Images, s *State, o Options) (EpochStats, error) {
				return LinearAugmentedEpoch(ctx, spec, images, encoder, s, o)
			}
			c.begin = func(t *testing.T) *State {
				t.Helper()
				s, err := NewLinearAugmentedState(spec, tinyClasses)
				require.NoError(t, err)
				return s
			}
			c.requireCuts(t)
		})
	}
}

// Whatever of a state is lost on the way shows in the outcome: what the tests above compare can differ.
func TestWhatAStateLosesChangesTheOutcome(t *testing.T) {
	for name, lose := range map[string]func(s *State){
		"the optimiser's buffers": func(s *State) {
			for _, b := range s.buffers {
				clear(b.Data)
			}
		},
		"running statistics": func(s *State) {
			for _, tensor := range s.tensors {
				if strings.HasSuffix(tensor.Name, runningMean) {
					clear(tensor.Data)
				}
			}
		},
		"one bit of one weight":  func(s *State) { s.tensors[0].Data[0] *= 1 + 1e-7 },
		"the optimiser's step":   func(s *State) { s.Step-- },
		"the place in the epoch": func(s *State) { s.progress = nil },
		"the sum of the losses":  func(s *State) { s.progress.Loss = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			c := pretraining(minuteSpec(experiment.SimCLR, experiment.AdamW), 13, onCPU)
			want, _ := c.uncut(t)
			got := c.through(t, only(2), func(t *testing.T, s *State) *State {
				t.Helper()
				s = reread(t, s)
				lose(s)
				return s
			})
			require.NotEqual(t, want, got)
		})
	}
}
