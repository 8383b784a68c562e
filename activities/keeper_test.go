package activities

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"gorgonia.org/gorgonia"

	"twinview/engine"
	"twinview/experiment"
	"twinview/storage"
)

const partialFolder = "experiments/tiny/pretrain/epoch-0001.partial/"

// pretrainFrom runs an epoch as Temporal does after an attempt that left the heartbeat found. It returns the last heartbeat.
func pretrainFrom(
	t *testing.T, a *Activities, in experiment.PretrainEpochInput, stop chan struct{}, found *experiment.Heartbeat,
) (last experiment.Heartbeat, err error) {
	t.Helper()
	env := newEnvironment(a)
	env.SetWorkerStopChannel(stop)
	if found != nil {
		env.SetHeartbeatDetails(*found)
	}
	listen(env, &last)
	_, err = env.ExecuteActivity(experiment.ActivityPretrainEpoch, in)
	return last, err
}

// listen keeps the newest heartbeat.
func listen(env *testsuite.TestActivityEnvironment, last *experiment.Heartbeat) {
	var mu sync.Mutex
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		mu.Lock()
		defer mu.Unlock()
		var h experiment.Heartbeat
		if err := details.Get(&h); err == nil {
			*last = h
		}
	})
}

// counting calls after behind each run of a machine.
type counting struct {
	engine.Machine
	runs  int
	after func(runs int) error
}

func (m *counting) RunAll() error {
	if err := m.Machine.RunAll(); err != nil {
		return err
	}
	m.runs++
	return m.after(m.runs)
}

// onMachines makes an activity's machines counting ones.
func (a *Activities) onMachines(after func(runs int) error) {
	a.Compile = func(experiment.Compute) engine.Compiler {
		return func(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, k engine.Kernels) (engine.Machine, error) {
			m, err := engine.Reference(g, outputs, k)
			return &counting{Machine: m, after: after}, err
		}
	}
}

// stopsAfter makes the worker of a stop after a number of steps.
func (a *Activities) stopsAfter(steps int) (stop chan struct{}) {
	stop = make(chan struct{})
	a.onMachines(func(runs int) error {
		if runs == steps {
			close(stop)
		}
		if runs >= steps {
			time.Sleep(20 * time.Millisecond) // the news need a moment to arrive, and there are many steps
		}
		return nil
	})
	return stop
}

// diesAfter makes the machine fail after a number of steps.
func (a *Activities) diesAfter(steps int) {
	a.onMachines(func(runs int) error {
		if runs == steps {
			return errors.New("killed")
		}
		return nil
	})
}

// longEpoch is an epoch of ten steps, and its outcome where nothing disturbs it.
func longEpoch(t *testing.T, s *memory, everySeconds float64) (in experiment.PretrainEpochInput, want experiment.PretrainEpoch) {
	t.Helper()
	spec := tinySpec()
	spec.Dataset.TrainImages, spec.Checkpoints.EverySeconds = 50, 0
	in = experiment.PretrainEpochInput{Spec: spec, Data: prepare(t, s, spec), Epoch: 1}
	want = pretrainOn(t, newActivities(t, s), in)
	for _, key := range []string{want.Checkpoint.Key, recordKey(want.Checkpoint.Key)} {
		require.NoError(t, s.Remove(t.Context(), key))
	}
	in.Spec.Checkpoints.EverySeconds = everySeconds
	return in, want
}

// requireSame runs the epoch's last attempt and compares what it returns with the undisturbed epoch's.
func requireSame(
	t *testing.T, s *memory, a *Activities, in experiment.PretrainEpochInput, found experiment.Heartbeat,
	want experiment.PretrainEpoch,
) (steps int) {
	t.Helper()
	a.onMachines(func(int) error {
		steps++
		return nil
	})
	var got experiment.PretrainEpoch
	env := newEnvironment(a)
	env.SetHeartbeatDetails(found)
	value, err := env.ExecuteActivity(experiment.ActivityPretrainEpoch, in)
	require.NoError(t, err)
	require.NoError(t, value.Get(&got))
	require.Equal(t, want.Checkpoint, got.Checkpoint)
	require.Equal(t, want.Loss, got.Loss)
	require.Equal(t, want.Step, got.Step)
	require.Equal(t, want.LearningRate, got.LearningRate)
	require.Empty(t, s.keys(partialFolder), "no checkpoint inside the epoch is left")
	return steps
}

// A stopping worker takes a last checkpoint, and the next one goes on behind it; and so on.
func TestStoppingWorkerLosesNoStep(t *testing.T) {
	s := newMemory()
	in, want := longEpoch(t, s, 3600)
	var found *experiment.Heartbeat
	done := 0
	for range 2 {
		a := newActivities(t, s)
		last, err := pretrainFrom(t, a, in, a.stopsAfter(2), found)
		requireType(t, err, errorStopping, true)
		require.Equal(t, done, last.ResumedAt)
		require.Greater(t, last.Checkpoints[0].Step, done+1)
		require.NotNil(t, last.Checkpoints[0].Usage)
		done, found = last.Checkpoints[0].Step, &last
	}
	require.Len(t, s.keys(partialFolder), 2*2, "a checkpoint and its manifest each")
	require.Less(t, done, 10, "the test wants steps left to do")
	steps := requireSame(t, s, newActivities(t, s), in, *found, want)
	require.Equal(t, 10-done, steps)
}

// A worker that dies loses what came after its last checkpoint; without one left, the epoch.
func TestKilledWorkerGoesOnInsideTheEpoch(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(s *memory, left []experiment.StepCheckpoint)
		// from is the index of the checkpoint from which the next attempt goes on.
		from int
	}{
		"newest":  {func(*memory, []experiment.StepCheckpoint) {}, 0},
		"corrupt": {func(s *memory, left []experiment.StepCheckpoint) { s.objects[left[0].Checkpoint.Key][200]++ }, 1},
		"missing": {func(s *memory, left []experiment.StepCheckpoint) { delete(s.objects, left[0].Checkpoint.Key) }, 1},
		"none": {func(s *memory, _ []experiment.StepCheckpoint) {
			for name := range s.keys(partialFolder) {
				delete(s.objects, partialFolder+name)
			}
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMemory()
			in, want := longEpoch(t, s, 1e-9)
			var found *experiment.Heartbeat
			for range 2 { // each attempt leaves at least one
				a := newActivities(t, s)
				a.diesAfter(3)
				last, err := pretrainFrom(t, a, in, nil, found)
				requireType(t, err, errorUnexpected, true)
				found = &last
			}
			left := found.Checkpoints
			require.Len(t, left, keptCheckpoints)
			require.Greater(t, left[0].Step, left[1].Step)
			c.harm(s, left)
			done := 0
			if c.from < len(left) {
				done = left[c.from].Step
			}
			steps := requireSame(t, s, newActivities(t, s), in, *found, want)
			require.Equal(t, 10-done, steps)
		})
	}
}

// What a killed worker could not tell Temporal, and what a new activity can't know, is in the store.
func TestCheckpointsAreFoundWithoutHeartbeats(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(s *memory, newest string)
		// from is the index of the checkpoint from which the next attempt goes on.
		from int
	}{
		"newest":      {func(*memory, string) {}, 0},
		"no manifest": {func(s *memory, newest string) { delete(s.objects, recordKey(newest)) }, 1},
		"no JSON":     {func(s *memory, newest string) { s.objects[recordKey(newest)] = []byte("{") }, 1},
		"other experiment's": {func(s *memory, newest string) {
			s.objects[recordKey(newest)] = []byte(strings.ReplaceAll(string(s.objects[recordKey(newest)]), "/tiny/", "/other/"))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMemory()
			in, want := longEpoch(t, s, 1e-9)
			a := newActivities(t, s)
			a.diesAfter(6)
			last, err := pretrainFrom(t, a, in, nil, nil)
			requireType(t, err, errorUnexpected, true)
			require.Len(t, last.Checkpoints, keptCheckpoints)
			c.harm(s, last.Checkpoints[0].Checkpoint.Key)
			steps := requireSame(t, s, newActivities(t, s), in, experiment.Heartbeat{}, want)
			require.Equal(t, 10-last.Checkpoints[c.from].Step, steps)
		})
	}
}

// A worker that Temporal takes no heartbeat from has lost its attempt, not its work.
func TestGivenUpAttemptLeavesACheckpoint(t *testing.T) {
	for cause, want := range map[error]bool{
		errStopping: true, worker.ErrWorkerShutdown: true, activity.ErrActivityPaused: true,
		serviceerror.NewNotFound("timed out"): true, serviceerror.NewUnavailable("away"): true,
		temporal.NewCanceledError(): true, activity.ErrActivityReset: false, context.Canceled: false,
		context.DeadlineExceeded: false, nil: false,
	} {
		require.Equal(t, want, handsBack(cause), "%v", cause)
	}
}

// An experiment that takes no checkpoints inside epochs loses the epoch, as before there were any.
func TestNoCheckpointsInsideEpochs(t *testing.T) {
	s := newMemory()
	in, want := longEpoch(t, s, 0)
	a := newActivities(t, s)
	last, err := pretrainFrom(t, a, in, a.stopsAfter(2), nil)
	requireType(t, err, errorStopping, true)
	require.Empty(t, last.Checkpoints)
	require.Empty(t, s.keys(partialFolder))
	require.Equal(t, 10, requireSame(t, s, newActivities(t, s), in, last, want))
}

// A store that is away costs checkpoints, not the epoch.
func TestCheckpointsThatCannotBeStored(t *testing.T) {
	s := newMemory()
	in, want := longEpoch(t, s, 1e-9)
	s.failPut = func(key string) error {
		if strings.Contains(key, ".partial/") {
			return storage.ErrUnreachable
		}
		return nil
	}
	require.Equal(t, 10, requireSame(t, s, newActivities(t, s), in, experiment.Heartbeat{}, want))
}

func TestFinetuningGoesOnInsideTheEpoch(t *testing.T) {
	s := newMemory()
	in, want := longEpoch(t, s, 1e-9)
	best := experiment.Selection{Checkpoint: pretrainOn(t, newActivities(t, s), in).Checkpoint}
	require.Equal(t, want.Checkpoint, best.Checkpoint)
	request := experiment.FinetuneEpochInput{Spec: in.Spec, Data: in.Data, Best: best, Epoch: 1}
	undisturbed := must[experiment.ClassifierEpoch](t, newActivities(t, s), experiment.ActivityFinetuneEpoch, request)
	for _, key := range []string{undisturbed.Checkpoint.Key, recordKey(undisturbed.Checkpoint.Key)} {
		require.NoError(t, s.Remove(t.Context(), key))
	}

	a := newActivities(t, s)
	a.diesAfter(6)
	env := newEnvironment(a)
	var last experiment.Heartbeat
	listen(env, &last)
	_, err := env.ExecuteActivity(experiment.ActivityFinetuneEpoch, request)
	requireType(t, err, errorUnexpected, true)
	require.NotEmpty(t, last.Checkpoints)

	env = newEnvironment(newActivities(t, s))
	env.SetHeartbeatDetails(last)
	value, err := env.ExecuteActivity(experiment.ActivityFinetuneEpoch, request)
	require.NoError(t, err)
	var got experiment.ClassifierEpoch
	require.NoError(t, value.Get(&got))
	require.Equal(t, undisturbed.Checkpoint, got.Checkpoint)
	require.Equal(t, undisturbed.TrainLoss, got.TrainLoss)
	require.Equal(t, undisturbed.TrainAccuracy, got.TrainAccuracy)
	require.Equal(t, undisturbed.ValidationLoss, got.ValidationLoss)
	require.Empty(t, s.keys("experiments/tiny/finetune/epoch-0001.partial/"))
}

// What ended an attempt decides what the server makes of it.
func TestInterruptionsAreToldApart(t *testing.T) {
	for cause, kind := range map[error]string{
		errStopping: errorStopping, worker.ErrWorkerShutdown: errorStopping, activity.ErrActivityPaused: errorPaused,
		activity.ErrActivityReset: errorReset, serviceerror.NewUnavailable("away"): errorUnreachable,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		requireType(t, classify(ctx, ctx.Err(), 1, counted(1)), kind, true)
	}
	for _, cause := range []error{nil, temporal.NewCanceledError()} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		require.ErrorIs(t, classify(ctx, errors.New("whatever"), 1, counted(1)), context.Canceled)
	}
}
