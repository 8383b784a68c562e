package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"twinview/experiment"
)

// epochSteps are those of an epoch of threeEpochs.
const epochSteps = 6

// soon is far more than what is waited for takes.
const soon = 20 * time.Second

// aheadOn is a worker that begins epochs ahead, and the number of steps that it has taken, kNN's among them.
func aheadOn(t *testing.T, s Store, wait time.Duration) (a *Activities, steps *atomic.Int64) {
	t.Helper()
	a, steps = newActivities(t, s), new(atomic.Int64)
	a.Ahead = wait
	a.onMachines(func(int) error {
		steps.Add(1)
		return nil
	})
	return a, steps
}

// waits says whether the worker has begun an epoch that nobody has asked for.
func (h *ahead) waits() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.begun != nil
}

// undisturbed are three epochs that were not begun ahead: what each starts from and leads to, and the data, which is all that the
// store has.
type undisturbed struct {
	in   []experiment.PretrainEpochInput
	want []experiment.PretrainEpoch
	data *memory
	// steps are those of all three, those of kNN among them.
	steps int64
}

// threeEpochs are undisturbed ones with a store of their own.
func threeEpochs(t *testing.T) (*memory, undisturbed) {
	t.Helper()
	once.Do(func() {
		s := newMemory()
		spec := tinySpec()
		spec.Dataset.TrainImages, spec.Pretrain.Epochs = 5*epochSteps, 3
		spec.KNN.EveryEpochs, spec.Checkpoints.EverySeconds = 3, 3600
		next := experiment.PretrainEpochInput{Spec: spec, Data: prepare(t, s, spec)}
		three.data = s.clone()
		a, steps := aheadOn(t, s, 0)
		for range 3 {
			next.Epoch++
			three.in = append(three.in, next)
			three.want = append(three.want, pretrainOn(t, a, next))
			next.From = &three.want[next.Epoch-1].Checkpoint
		}
		three.steps = steps.Load()
	})
	require.Len(t, three.want, 3)
	u := three
	u.in = slices.Clone(three.in) // tests change it
	return three.data.clone(), u
}

var (
	once  sync.Once
	three undisturbed
)

// requireEpoch compares what does not depend on the clock.
func requireEpoch(t *testing.T, want, got experiment.PretrainEpoch) {
	t.Helper()
	require.Equal(t, want.Checkpoint, got.Checkpoint)
	require.Equal(t, want.Loss, got.Loss)
	require.Equal(t, want.Step, got.Step)
	require.Equal(t, want.Planned, got.Planned)
	require.Equal(t, want.KNN, got.KNN)
}

// While the store takes an epoch's checkpoint in, the next epoch trains, and its activity finds it so.
func TestNextEpochTrainsWhileTheCheckpointIsStored(t *testing.T) {
	s, u := threeEpochs(t)
	a, steps := aheadOn(t, s, soon)
	s.failPut = func(key string) error {
		for epoch, name := range []string{"/epoch-0001.safetensors", "/epoch-0002.safetensors"} {
			if strings.HasSuffix(key, name) {
				next := int64(epochSteps*(epoch+1) + 1)
				require.Eventually(t, func() bool { return steps.Load() >= next }, soon, time.Millisecond)
			}
		}
		return nil
	}
	for i := range u.in {
		got := pretrainOn(t, a, u.in[i])
		requireEpoch(t, u.want[i], got)
		require.NotNil(t, got.Usage)
		require.Positive(t, got.Seconds)
	}
	require.False(t, a.ahead.waits(), "no fourth epoch is planned")
	require.Equal(t, u.steps, steps.Load(), "no step is taken twice")
}

// What an epoch was begun for and what is asked for may differ in anything.
func TestOtherEpochsAreNotTakenForTheOneBegunAhead(t *testing.T) {
	for name, change := range map[string]func(in *experiment.PretrainEpochInput){
		"":            nil,
		"first epoch": func(in *experiment.PretrainEpochInput) { in.Epoch, in.From = 1, nil },
		"third epoch": func(in *experiment.PretrainEpochInput) { in.Epoch = 3 },
		"checkpoint":  func(in *experiment.PretrainEpochInput) { in.From = &experiment.Artifact{SHA256: "other"} },
		"data":        func(in *experiment.PretrainEpochInput) { in.Data.SHA256 = "other" },
		"experiment":  func(in *experiment.PretrainEpochInput) { in.Spec.Name = "other" },
		"plan":        func(in *experiment.PretrainEpochInput) { in.Spec.Pretrain = in.Spec.Pretrain.Replanned(1, 9) },
		"after a divergence": func(in *experiment.PretrainEpochInput) {
			in.Retry = &experiment.Retry{Diverged: experiment.Diverged{Epoch: 2}, RateFactor: 0.5}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, u := threeEpochs(t)
			a, _ := aheadOn(t, s, soon)
			requireEpoch(t, u.want[0], pretrainOn(t, a, u.in[0]))
			require.True(t, a.ahead.waits())
			asked := u.in[1]
			if change != nil {
				change(&asked)
			}
			w := a.pretrainWork(asked)
			b := a.ahead.take(w.key, w.spec, w.from)
			require.False(t, a.ahead.waits())
			if change != nil {
				require.Nil(t, b)
				return
			}
			require.NotNil(t, b)
			b.stop()
		})
	}
}

// After a divergence, an epoch is trained with its own rates, whatever has begun.
func TestRetriedEpochIsNotTheOneBegunAhead(t *testing.T) {
	s, u := threeEpochs(t)
	again := u.in[1]
	again.Retry = &experiment.Retry{Diverged: experiment.Diverged{Epoch: 2}, RateFactor: 0.5}
	a, _ := aheadOn(t, s, soon)
	requireEpoch(t, u.want[0], pretrainOn(t, a, u.in[0]))
	other := s.clone()
	requireEpoch(t, pretrainOn(t, newActivities(t, other), again), pretrainOn(t, a, again))
}

// The device is free for what does not go on with the epoch.
func TestEpochBegunAheadGivesWay(t *testing.T) {
	s, u := threeEpochs(t)
	a, steps := aheadOn(t, s, soon)
	done := pretrainOn(t, a, u.in[0])
	require.True(t, a.ahead.waits())
	must[experiment.PretrainEpoch](t, a, experiment.ActivityMonitorEpoch,
		experiment.MonitorEpochInput{Spec: u.in[0].Spec, Data: u.in[0].Data, Epoch: done})
	require.False(t, a.ahead.waits())
	ended := steps.Load()
	time.Sleep(50 * time.Millisecond)
	require.Equal(t, ended, steps.Load())
	requireEpoch(t, u.want[1], pretrainOn(t, a, u.in[1]))
}

// context is that of the epoch that nobody has asked for.
func (h *ahead) context() context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.begun.k.ctx
}

// heldInFirstStep lets the second epoch end its first step when given is closed. The first epoch is stored when that step has begun.
func heldInFirstStep(s *memory, a *Activities, steps *atomic.Int64) (given chan struct{}) {
	given = make(chan struct{})
	begun := make(chan struct{})
	a.onMachines(func(int) error {
		if steps.Add(1) == epochSteps+1 {
			close(begun)
			<-given
		}
		return nil
	})
	s.failPut = func(key string) error {
		if strings.HasSuffix(key, "/epoch-0001.safetensors") {
			<-begun
		}
		return nil
	}
	return given
}

// An experiment that is paused, cancelled or done with pretraining asks for nothing, and a worker that stops waits for nothing.
func TestEpochBegunAheadEndsByItself(t *testing.T) {
	for _, test := range []struct {
		name string
		wait time.Duration
		stop bool
	}{{"nobody asks", time.Millisecond, false}, {"the worker stops", time.Hour, true}} {
		t.Run(test.name, func(t *testing.T) {
			s, u := threeEpochs(t)
			a, steps := aheadOn(t, s, test.wait)
			given := heldInFirstStep(s, a, steps)
			stop := make(chan struct{})
			_, err := pretrainFrom(t, a, u.in[0], stop, nil)
			require.NoError(t, err)
			ends := a.ahead.context()
			if test.stop {
				require.NoError(t, ends.Err())
				close(stop)
			}
			<-ends.Done()
			require.True(t, a.ahead.waits(), "until the step is done, which has the device")
			close(given)
			require.Eventually(t, func() bool { return !a.ahead.waits() }, soon, time.Millisecond)
			require.EqualValues(t, epochSteps+1, steps.Load())
			requireEpoch(t, u.want[1], pretrainOn(t, a, u.in[1]))
		})
	}
}

// An epoch that has been given up is not taken over while its last step ends.
func TestEpochThatWasGivenUpIsBegunAnew(t *testing.T) {
	s, u := threeEpochs(t)
	a, steps := aheadOn(t, s, time.Millisecond)
	given := heldInFirstStep(s, a, steps)
	requireEpoch(t, u.want[0], pretrainOn(t, a, u.in[0]))
	<-a.ahead.context().Done()
	time.AfterFunc(20*time.Millisecond, func() { close(given) })
	requireEpoch(t, u.want[1], pretrainOn(t, a, u.in[1]))
	require.GreaterOrEqual(t, steps.Load(), int64(2*epochSteps+1))
}

// takenOver runs the first epoch, and the second one to its third step, which waits until its activity has taken it over. From
// there on steps go to after, counted from 3.
func takenOver(t *testing.T, a *Activities, steps *atomic.Int64, u undisturbed, after func(step int64, k *keeper)) {
	t.Helper()
	asked := make(chan *keeper)
	var k *keeper
	a.onMachines(func(int) error {
		step := steps.Add(1) - epochSteps
		if step == 3 {
			k = <-asked
			for !k.isAttended() {
				time.Sleep(time.Millisecond)
			}
		}
		if step >= 3 {
			after(step, k)
		}
		return nil
	})
	requireEpoch(t, u.want[0], pretrainOn(t, a, u.in[0]))
	a.ahead.mu.Lock()
	defer a.ahead.mu.Unlock()
	begun := a.ahead.begun.k
	go func() { asked <- begun }()
}

// Once it is asked for, an epoch that was begun ahead can be stopped as any other, and goes on elsewhere.
func TestEpochBegunAheadLosesNoStep(t *testing.T) {
	s, u := threeEpochs(t)
	a, steps := aheadOn(t, s, soon)
	stop := make(chan struct{})
	takenOver(t, a, steps, u, func(step int64, k *keeper) {
		if step == 4 {
			close(stop)
			<-k.ctx.Done()
		}
	})
	last, err := pretrainFrom(t, a, u.in[1], stop, nil)
	requireType(t, err, errorStopping, true)
	require.Len(t, last.Checkpoints, 1)
	require.GreaterOrEqual(t, last.Checkpoints[0].Step, 4)
	require.NotNil(t, last.Checkpoints[0].Usage)

	elsewhere, left := aheadOn(t, s, 0)
	requireEpoch(t, u.want[1], pretrainOn(t, elsewhere, u.in[1]))
	require.EqualValues(t, epochSteps-last.Checkpoints[0].Step, left.Load())
}

// The end of the activity's context ends an epoch that it has taken over, also where no checkpoint is wanted of it.
func TestEpochBegunAheadEndsWithItsActivity(t *testing.T) {
	s, u := threeEpochs(t)
	a, steps := aheadOn(t, s, soon)
	ctx, cancel := context.WithCancelCause(t.Context())
	takenOver(t, a, steps, u, func(step int64, k *keeper) {
		if step == 4 {
			cancel(activity.ErrActivityReset)
			<-k.ctx.Done()
			time.Sleep(10 * time.Millisecond) // for the news to arrive
		}
	})
	env := newEnvironment(a)
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	_, err := env.ExecuteActivity(experiment.ActivityPretrainEpoch, u.in[1])
	require.Error(t, err)
	require.Less(t, steps.Load(), int64(2*epochSteps))
	require.NotContains(t, s.keys("experiments/tiny/pretrain/"), "epoch-0002.safetensors")
	require.Empty(t, s.keys("experiments/tiny/pretrain/epoch-0002.partial/"))
}

// The time in which an epoch is to be asked for says nothing of how long it may take.
func TestEpochThatWasTakenOverIsNotGivenUp(t *testing.T) {
	s, u := threeEpochs(t)
	const wait = 300 * time.Millisecond
	a, steps := aheadOn(t, s, wait)
	takenOver(t, a, steps, u, func(step int64, _ *keeper) {
		if step == 4 {
			time.Sleep(2 * wait)
		}
	})
	requireEpoch(t, u.want[1], pretrainOn(t, a, u.in[1]))
	require.EqualValues(t, 2*epochSteps, min(steps.Load(), 2*epochSteps))
}

// An epoch that could not be published is none to go on from.
func TestNothingGoesOnFromWhatIsNotStored(t *testing.T) {
	s, u := threeEpochs(t)
	a, steps := aheadOn(t, s, soon)
	s.failPut = func(key string) error {
		if strings.HasSuffix(key, "/epoch-0001.json") {
			return errors.New("disk full")
		}
		return nil
	}
	_, err := run[experiment.PretrainEpoch](t, a, experiment.ActivityPretrainEpoch, u.in[0])
	require.ErrorContains(t, err, "disk full")
	require.False(t, a.ahead.waits())
	ended := steps.Load()
	time.Sleep(50 * time.Millisecond)
	require.Equal(t, ended, steps.Load(), "the next epoch has left the device")
	s.failPut = nil
	for i := range u.in {
		requireEpoch(t, u.want[i], pretrainOn(t, a, u.in[i]))
	}
}

// What another worker has recorded is gone on from, and not what this one has.
func TestNothingGoesOnFromWhatIsNotRecorded(t *testing.T) {
	s, u := threeEpochs(t)
	other := u.in[0]
	other.Spec.Pretrain.Optimizer.LearningRate *= 1.0001 // as another processor might
	a, _ := aheadOn(t, s, soon)
	s.failPut = func(key string) error {
		if strings.HasSuffix(key, "epoch-0001.json") {
			s.failPut = nil
			s.mu.Unlock()
			defer s.mu.Lock()
			pretrainOn(t, newActivities(t, s), other)
		}
		return nil
	}
	pretrainOn(t, a, u.in[0])
	require.False(t, a.ahead.waits())
}

// What goes wrong ahead is said when the epoch is asked for.
func TestErrorOfAnEpochBegunAhead(t *testing.T) {
	s, u := threeEpochs(t)
	a, steps := aheadOn(t, s, soon)
	a.onMachines(func(int) error {
		if steps.Add(1) == epochSteps+4 {
			return errors.New("the device is lost")
		}
		return nil
	})
	requireEpoch(t, u.want[0], pretrainOn(t, a, u.in[0]))
	_, err := run[experiment.PretrainEpoch](t, a, experiment.ActivityPretrainEpoch, u.in[1])
	require.ErrorContains(t, err, "the device is lost")
	requireEpoch(t, u.want[1], pretrainOn(t, a, u.in[1]))
}

// All stages in epochs end in the same bits, begun ahead or not.
func TestClassifiersBegunAhead(t *testing.T) {
	s, u := threeEpochs(t)
	first := &u.in[0]
	first.Spec.Finetune.Epochs = 3
	require.NoError(t, experiment.Set(&first.Spec, "linear_augmented.epochs=3"))
	require.NoError(t, experiment.Set(&first.Spec, "ablation.label_fractions=[0.5]"))
	first.Spec.LinearAugmented.BatchSize = 5
	first.Spec.Ablation.Epochs, first.Spec.Ablation.StepsPerEpoch, first.Spec.Ablation.BatchSize = 3, 2, 4
	spec := first.Spec
	best := experiment.Selection{Checkpoint: pretrainOn(t, newActivities(t, s), u.in[0]).Checkpoint}
	require.Equal(t, u.want[0].Checkpoint, best.Checkpoint)
	finetuning := func(arm *experiment.Arm) func(int, *experiment.Artifact) any {
		return func(epoch int, from *experiment.Artifact) any {
			return experiment.FinetuneEpochInput{Spec: spec, Data: u.in[0].Data, Best: best, Arm: arm, Epoch: epoch, From: from}
		}
	}
	for stage, c := range map[string]struct {
		activity string
		input    func(epoch int, from *experiment.Artifact) any
	}{
		"finetune": {experiment.ActivityFinetuneEpoch, finetuning(nil)},
		"ablation/scratch-0.5": {
			experiment.ActivityFinetuneEpoch, finetuning(&experiment.Arm{Fraction: 0.5, Start: experiment.FromScratch}),
		},
		"linear-augmented": {experiment.ActivityLinearAugmentedEpoch, func(epoch int, from *experiment.Artifact) any {
			return experiment.LinearAugmentedEpochInput{Spec: spec, Data: u.in[0].Data, Best: best, Epoch: epoch, From: from}
		}},
	} {
		t.Run(stage, func(t *testing.T) {
			course := func(a *Activities) (epochs []experiment.ClassifierEpoch, ahead int) {
				var from *experiment.Artifact
				for epoch := 1; epoch <= 3; epoch++ {
					done := must[experiment.ClassifierEpoch](t, a, c.activity, c.input(epoch, from))
					from, done.Seconds, done.Usage = done.Checkpoint, 0, nil
					epochs = append(epochs, done)
					if a.ahead.waits() {
						ahead++
					}
				}
				for key := range s.keys("experiments/tiny/" + stage + "/") {
					delete(s.objects, "experiments/tiny/"+stage+"/"+key)
				}
				return epochs, ahead
			}
			a, _ := aheadOn(t, s, soon)
			fast, ahead := course(a)
			require.Equal(t, 2, ahead, "behind the first and the second")
			slow, ahead := course(newActivities(t, s))
			require.Zero(t, ahead)
			require.Equal(t, slow, fast)
		})
	}
}
