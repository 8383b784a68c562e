package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"twinview/checkpoint"
	"twinview/dataset"
	"twinview/experiment"
)

// errStopped ends an epoch in these tests.
var errStopped = errors.New("stopped")

// epochOf trains an epoch of anything.
type epochOf func(ctx context.Context, images dataset.Images, s *State, o Options) (EpochStats, error)

func pretrainingOf(spec *experiment.Spec) epochOf {
	return func(ctx context.Context, images dataset.Images, s *State, o Options) (EpochStats, error) {
		return PretrainEpoch(ctx, spec, images, s, o)
	}
}

func finetuningBy(spec *experiment.Spec) epochOf {
	return func(ctx context.Context, images dataset.Images, s *State, o Options) (EpochStats, error) {
		return FinetuneEpoch(ctx, spec, images, s, o)
	}
}

// stopAfter trains until a number of the epoch's steps are done and returns what another worker reads of the state then.
func (run epochOf) stopAfter(t *testing.T, images dataset.Images, s *State, o Options, steps int) *State {
	t.Helper()
	before := written(t, s)
	var stopped *State
	o.Between = func(snapshot func() (*State, error)) error {
		taken, err := snapshot()
		require.NoError(t, err)
		if taken.StepsDone() < steps {
			return nil
		}
		stopped = taken
		return errStopped
	}
	_, err := run(t.Context(), images, s, o)
	require.ErrorIs(t, err, errStopped)
	require.Equal(t, before, written(t, s), "the state given is as it was")
	require.Equal(t, steps, stopped.StepsDone())
	return reread(t, stopped)
}

// requireStops stops the epoch that follows s after each of its steps, goes on from the file, and compares with an epoch
// that nobody disturbs.
func (run epochOf) requireStops(t *testing.T, images dataset.Images, s *State, o Options, steps int) {
	t.Helper()
	whole := s.clone()
	want, err := run(t.Context(), images, whole, o)
	require.NoError(t, err)
	for stop := 1; stop <= steps; stop++ {
		parts := run.stopAfter(t, images, s, o, stop)
		done := *parts.progress
		counted := 0
		o.OnStep = func(h experiment.Heartbeat) {
			counted++
			require.Equal(t, stop+counted, h.Step)
		}
		got, err := run(t.Context(), images, parts, o)
		require.NoError(t, err)
		o.OnStep = nil
		require.Equal(t, steps-stop, counted, "no step is taken twice")
		require.Equal(t, written(t, whole), written(t, parts), "stopped after step %d", stop)
		require.Equal(t, want.Loss, got.Loss)
		require.Equal(t, want.Accuracy, got.Accuracy)
		require.Equal(t, want.LearningRate, got.LearningRate)
		require.Equal(t, want.Kernels, got.Kernels)
		require.Equal(t, want.Size, got.Size)
		require.GreaterOrEqual(t, got.Seconds, done.Seconds)
		require.GreaterOrEqual(t, got.DataWaitSeconds, done.DataWaitSeconds)
		if stop == steps {
			require.Equal(t, done.Seconds, got.Seconds, "nothing was left to do")
		}
	}
}

func TestPretrainingStopsInsideAnEpoch(t *testing.T) {
	for name, o := range map[string]Options{"reference": onReference, "cpu": onCPU} {
		for _, optimizer := range []string{experiment.SGD, experiment.LARS, experiment.AdamW} {
			t.Run(name+" "+optimizer, func(t *testing.T) {
				spec := tinySpec(experiment.SimCLR)
				spec.Pretrain.Optimizer.Name = optimizer
				s, err := NewPretrainState(spec)
				require.NoError(t, err)
				run := pretrainingOf(spec)
				_, err = run(t.Context(), tinyImages(14), s, o)
				require.NoError(t, err)
				run.requireStops(t, tinyImages(14), s, o, 3)
			})
		}
	}
}

func TestPretrainingStopsOnViewsOfAnotherSize(t *testing.T) {
	spec := resizedSpec()
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	run := pretrainingOf(spec)
	_, err = run(t.Context(), tinyImages(10), s, onCPU)
	require.NoError(t, err)
	run.requireStops(t, tinyImages(10), s, onCPU, 2)
}

func TestFinetuningStopsInsideAnEpoch(t *testing.T) {
	for name, o := range map[string]Options{"reference": onReference, "cpu": onCPU} {
		t.Run(name, func(t *testing.T) {
			spec := tinySpec(experiment.SimCLR)
			s, err := NewFinetuneState(spec, tinyClasses, newPretrained(t, spec))
			require.NoError(t, err)
			finetuningBy(spec).requireStops(t, tinyImages(13), s, o, 3)
		})
	}
}

// An arm's epochs end in the middle of passes over its images.
func TestAblationStopsInsideAnEpoch(t *testing.T) {
	spec := ablationSpec(3, 4)
	s, err := NewArmState(spec, scratchArm, tinyClasses, nil)
	require.NoError(t, err)
	run := finetuningBy(spec)
	images := tinyImages(7)
	_, err = run(t.Context(), images, s, onReference)
	require.NoError(t, err)
	run.requireStops(t, images, s, onReference, spec.Ablation.StepsPerEpoch)
}

func TestLinearEvaluationWithAugmentationStopsInsideAnEpoch(t *testing.T) {
	spec := augmentedSpec()
	encoder := newPretrained(t, spec)
	s, err := NewLinearAugmentedState(spec, tinyClasses)
	require.NoError(t, err)
	run := epochOf(func(ctx context.Context, images dataset.Images, s *State, o Options) (EpochStats, error) {
		return LinearAugmentedEpoch(ctx, spec, images, encoder, s, o)
	})
	images := tinyImages(3 * spec.LinearAugmented.BatchSize)
	run.requireStops(t, images, s, onReference, 3)
}

// A context that ends leaves time for a snapshot, and its error comes out where nobody has another.
func TestContextEndsAnEpochBetweenTwoSteps(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	o := onReference
	o.OnStep = func(experiment.Heartbeat) { cancel() }
	var taken *State
	o.Between = func(snapshot func() (*State, error)) (err error) {
		taken, err = snapshot()
		return err
	}
	_, err = PretrainEpoch(ctx, spec, tinyImages(14), s, o)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, taken.StepsDone())
	require.Zero(t, s.StepsDone())
}

func TestStateInsideAnEpochIsOfItsData(t *testing.T) {
	spec := tinySpec(experiment.SimCLR)
	s, err := NewPretrainState(spec)
	require.NoError(t, err)
	run := pretrainingOf(spec)
	stopped := run.stopAfter(t, tinyImages(14), s, onReference, 2)
	_, err = run(t.Context(), tinyImages(8), stopped, onReference)
	require.ErrorIs(t, err, ErrOtherState)
	require.ErrorContains(t, err, "3 steps")
}

func TestReadStateRefusesImpossibleProgress(t *testing.T) {
	for _, progress := range []string{`{"done":4,"steps":3}`, `{"done":0,"steps":3}`, `many`} {
		var b bytes.Buffer
		metadata := map[string]string{"epoch": "1", "step": "4", underWay: progress}
		require.NoError(t, checkpoint.WriteSafetensors(&b, nil, metadata))
		_, err := ReadState(&b)
		require.ErrorContains(t, err, fmt.Sprintf("%q", underWay))
	}
}
