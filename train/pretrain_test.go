package train

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/engine"
	"twinview/experiment"
)

func TestPretrainingLowersTheLoss(t *testing.T) {
	const epochs = 60
	for _, method := range []string{experiment.SimCLR, experiment.BarlowTwins} {
		t.Run(method, func(t *testing.T) {
			spec := tinySpec(method)
			spec.Pretrain.Epochs = epochs
			spec.Pretrain.BatchSize = 10
			spec.Pretrain.Optimizer.LearningRate = 0.01
			s, err := NewPretrainState(spec)
			require.NoError(t, err)
			var early, late float64
			for epoch := range epochs {
				stats, err := PretrainEpoch(t.Context(), spec, tinyImages(10), s, onCPU)
				require.NoError(t, err)
				if epoch < 6 {
					early += stats.Loss
				}
				if epoch >= epochs-6 {
					late += stats.Loss
				}
			}
			require.Less(t, late, 0.9*early)
			require.Equal(t, epochs, s.Epoch)
			require.Equal(t, epochs, s.Step)
		})
	}
}

// An epoch after a detour through the serialised state, in another number of goroutines, ends in the same bits.
func TestPretrainingResumesExactly(t *testing.T) {
	for _, method := range []string{experiment.SimCLR, experiment.BarlowTwins} {
		for _, optimizer := range []string{experiment.SGD, experiment.LARS, experiment.AdamW} {
			t.Run(method+" "+optimizer, func(t *testing.T) {
				spec := tinySpec(method)
				spec.Pretrain.Optimizer.Name = optimizer
				uninterrupted, err := NewPretrainState(spec)
				require.NoError(t, err)
				interrupted, err := NewPretrainState(spec)
				require.NoError(t, err)
				var want, got []EpochStats
				withProcs(1, func() { want = pretrain(t, spec, uninterrupted, 2) })
				withProcs(3, func() {
					got = pretrain(t, spec, interrupted, 1)
					interrupted = reread(t, interrupted)
					got = append(got, pretrain(t, spec, interrupted, 1)...)
				})
				require.Equal(t, written(t, uninterrupted), written(t, interrupted))
				require.Equal(t, uninterrupted.StateDict(), interrupted.StateDict())
				for i := range want {
					require.Equal(t, want[i].Loss, got[i].Loss)
					require.Equal(t, want[i].LearningRate, got[i].LearningRate)
				}
			})
		}
	}
}

func TestSeedDecidesTheOutcome(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s := newPretrained(t, spec)
	spec.Seed++
	other := newPretrained(t, spec)
	require.NotEqual(t, s.StateDict(), other.StateDict())
}

func TestPretrainEpochReports(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	pretrain(t, spec, s, 1)
	var beats []experiment.Heartbeat
	o := Options{Compile: engine.Reference, OnStep: func(h experiment.Heartbeat) { beats = append(beats, h) }}
	stats, err := PretrainEpoch(t.Context(), spec, tinyImages(10), s, o)
	require.NoError(t, err)

	require.Len(t, beats, 2, "the last, incomplete batch is dropped")
	require.Equal(t, stats.Loss, (beats[0].Loss+beats[1].Loss)/2)
	for i, h := range beats {
		require.Positive(t, h.ViewsPerSecond)
		h.Loss, h.ViewsPerSecond = 0, 0
		require.Equal(t, experiment.Heartbeat{Stage: experiment.StagePretrain, Epoch: 2, Step: i + 1, Steps: 2}, h)
	}
	require.Equal(t, newSchedule(spec.Pretrain.Schedule, 0.05, 3, 2).at(3), stats.LearningRate)
	require.InDelta(t, 16/stats.Seconds, stats.ViewsPerSecond, 1e-6)
	require.Positive(t, stats.DataWaitSeconds)
	require.Less(t, stats.DataWaitSeconds, stats.Seconds)
}

func TestStepStatsAddUpToTheEpochs(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	var sum StepStats
	o := Options{Compile: engine.Reference, OnStepStats: func(step StepStats) {
		require.Equal(t, experiment.StagePretrain, step.Stage)
		require.Less(t, step.DataWaitSeconds, step.Seconds)
		sum.Views += step.Views
		sum.Seconds += step.Seconds
		sum.DataWaitSeconds += step.DataWaitSeconds
		sum.Loss += step.Loss / 2
		sum.LearningRate = step.LearningRate
	}}
	stats, err := PretrainEpoch(t.Context(), spec, tinyImages(10), s, o)
	require.NoError(t, err)
	require.Equal(t, 2*2*spec.Pretrain.BatchSize, sum.Views, "two steps on two views of each image")
	require.Equal(t, stats.Seconds, sum.Seconds)
	require.Equal(t, stats.DataWaitSeconds, sum.DataWaitSeconds)
	require.Equal(t, stats.Loss, sum.Loss)
	require.Equal(t, stats.LearningRate, sum.LearningRate)
}

func TestPretrainEpochRefusesBadInput(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	ctx := t.Context()
	t.Run("batch larger than the set", func(t *testing.T) {
		s, err := NewPretrainState(spec)
		require.NoError(t, err)
		_, err = PretrainEpoch(ctx, spec, tinyImages(3), s, onReference)
		require.ErrorIs(t, err, ErrTooFewImages)
		require.ErrorContains(t, err, "pretrain.batch_size is 4")
		require.ErrorContains(t, err, "3 images")
	})
	t.Run("state of another spec", func(t *testing.T) {
		s, err := NewPretrainState(spec)
		require.NoError(t, err)
		other := *spec
		other.Method.Temperature = 0.1
		_, err = PretrainEpoch(ctx, &other, tinyImages(8), s, onReference)
		require.ErrorIs(t, err, ErrOtherState)
	})
	t.Run("state of another stage", func(t *testing.T) {
		s, err := NewFinetuneState(spec, tinyClasses, newPretrained(t, spec))
		require.NoError(t, err)
		_, err = PretrainEpoch(ctx, spec, tinyImages(8), s, onReference)
		require.ErrorIs(t, err, ErrOtherState)
	})
	t.Run("past the last epoch", func(t *testing.T) {
		s, err := NewPretrainState(spec)
		require.NoError(t, err)
		s.Epoch = 3
		_, err = PretrainEpoch(ctx, spec, tinyImages(8), s, onReference)
		require.ErrorContains(t, err, "pretrain.epochs is 3")
	})
}

func TestWhatComputeSaysIsNoOtherSpec(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	spec.Compute.Threads = 5
	spec.Dataset.Source = "/elsewhere/cifar-10-binary.tar.gz"
	pretrain(t, spec, s, 1)
	require.Equal(t, 1, s.Epoch)
}

func TestDivergenceIsCaughtAndLosesNothing(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Pretrain.Optimizer.LearningRate = 1e30
	spec.Pretrain.Schedule.WarmupEpochs = 0
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	before := written(t, s)
	_, err = PretrainEpoch(t.Context(), spec, tinyImages(12), s, onReference)
	var diverged *DivergedError
	require.ErrorAs(t, err, &diverged)
	require.ErrorIs(t, err, ErrDiverged)
	require.Equal(t, 1, diverged.Epoch)
	require.LessOrEqual(t, diverged.Step, 3)
	require.ErrorContains(t, err, "lower pretrain.optimizer.learning_rate")
	require.Equal(t, before, written(t, s))
}

// The loss of the epoch's only step is finite, the weights after it are not.
func TestDivergenceInTheLastStep(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	spec.Pretrain.Optimizer.LearningRate = math.MaxFloat32
	spec.Pretrain.Optimizer.WeightDecay = math.MaxFloat32
	spec.Pretrain.Schedule.WarmupEpochs = 0
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	_, err = PretrainEpoch(t.Context(), spec, tinyImages(4), s, onReference)
	var diverged *DivergedError
	require.ErrorAs(t, err, &diverged)
	require.False(t, math.IsNaN(diverged.Loss))
}

func TestCancellationStopsWithinOneStep(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	before := written(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	_, err = PretrainEpoch(ctx, spec, tinyImages(12), s, Options{
		Compile: engine.Reference,
		OnStep:  func(experiment.Heartbeat) { steps++; cancel() },
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, steps)
	require.Equal(t, before, written(t, s), "the state is as before the epoch")
}
