package workflows

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// answer is what came of an update.
type answer struct {
	change experiment.Change
	err    error
}

// update sends an update to the experiment, whose workflow goes on beside. The channel is closed when the answer is there.
func update(env *testsuite.TestWorkflowEnvironment, to *answer, name string, arguments ...any) (answered chan struct{}) {
	answered = make(chan struct{})
	env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) {
			to.err = err
			close(answered)
		},
		OnComplete: func(change any, err error) {
			to.err = err
			to.change, _ = change.(experiment.Change)
			close(answered)
		},
	}, arguments...)
	return answered
}

// at calls do when the epoch begins for the first time, and holds the epoch until it is cancelled.
func (f *fakes) at(env *testsuite.TestWorkflowEnvironment, name string, epoch int, do func()) {
	first, cancelled := true, make(chan struct{})
	env.SetOnActivityCanceledListener(func(*activity.Info) { close(cancelled) })
	f.fail = func(_ context.Context, n string, e int) error {
		if n != name || e != epoch || !first {
			return nil
		}
		first = false
		do()
		<-cancelled
		return context.Canceled
	}
}

// during is at for an epoch that is not held.
func (f *fakes) during(name string, epoch int, do func()) {
	first := true
	f.fail = func(_ context.Context, n string, e int) error {
		if n == name && e == epoch && first {
			first = false
			do()
		}
		return nil
	}
}

// A pause interrupts the epoch under way, nothing is computed until the experiment is resumed, and the same epoch goes on.
func TestPausedEpochGoesOnWhenResumed(t *testing.T) {
	for _, c := range []struct {
		activity, stage string
		epoch           int
	}{
		{experiment.ActivityPretrainEpoch, experiment.StagePretrain, 2},
		{experiment.ActivityLinearAugmentedEpoch, experiment.StageLinearAugmented, 1},
		{experiment.ActivityFinetuneEpoch, experiment.StageFinetune, 2},
		{"ablation/scratch-0.1", experiment.StageAblation, 2},
	} {
		t.Run(c.activity, func(t *testing.T) {
			f := &fakes{accuracies: []float64{0.3, 0.5}}
			spec := everyProtocol(t)
			env := newEnvironment(f, spec.Name)
			var paused, again, resumed, notPaused answer
			var seen, later []string
			var p experiment.Progress
			f.at(env, c.activity, c.epoch, func() {
				update(env, &paused, experiment.UpdatePause)
				env.RegisterDelayedCallback(func() {
					seen = f.seen()
					update(env, &again, experiment.UpdatePause)
					p = query(t, env)
				}, minutes(1))
				env.RegisterDelayedCallback(func() {
					later = f.seen()
					update(env, &resumed, experiment.UpdateResume)
					update(env, &notPaused, experiment.UpdateResume)
				}, minutes(60))
			})
			env.ExecuteWorkflow(Experiment, spec)
			require.NoError(t, env.GetWorkflowError())

			require.NoError(t, paused.err)
			require.Equal(t, c.stage, paused.change.Stage)
			require.ErrorContains(t, again.err, "is paused already")
			require.True(t, p.Paused)
			require.Equal(t, []experiment.Change{paused.change}, p.Changes)
			require.Equal(t, seen, later, "nothing ran for an hour")
			require.NoError(t, resumed.err)
			require.ErrorContains(t, notPaused.err, "is not paused")
			require.Empty(t, f.unfinished)
			require.Equal(t, 2, count(f.seen(), call(c.activity, c.epoch)))

			var r experiment.Result
			require.NoError(t, env.GetWorkflowResult(&r))
			require.Equal(t, []experiment.Change{paused.change, resumed.change}, r.Changes)
			require.Len(t, r.Pretrain, 2)
			require.Len(t, r.Finetune.Epochs, 2)
			require.False(t, query(t, env).Paused)
		})
	}
}

// What is short is finished, and the pause comes before what follows, also where a child has not begun yet.
func TestPauseInAShortStageComesBeforeTheNextActivity(t *testing.T) {
	for _, name := range []string{
		experiment.ActivityPrepareData, experiment.ActivitySelectCheckpoint, experiment.ActivityEvaluateLinear,
		experiment.ActivityEvaluateTest, experiment.ActivityWriteReport,
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakes{accuracies: []float64{0.3, 0.5}}
			spec := everyProtocol(t)
			env := newEnvironment(f, spec.Name)
			var paused, resumed answer
			var later []string
			f.during(name, 0, func() {
				env.RegisterDelayedCallback(func() {
					later = f.seen()
					update(env, &resumed, experiment.UpdateResume)
				}, minutes(60))
				<-update(env, &paused, experiment.UpdatePause)
			})
			env.ExecuteWorkflow(Experiment, spec)
			require.NoError(t, env.GetWorkflowError())
			require.NoError(t, paused.err)
			require.NoError(t, resumed.err)
			require.Equal(t, name, later[len(later)-1])
			require.Equal(t, 1, count(f.seen(), name))
		})
	}
}

// Stopped pretraining goes on to evaluation with the epochs that it has; the one under way is given up.
func TestStoppedPretrainingIsEvaluated(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, -1, 0.5, 0.5}}
	spec := testSpec(t, 4, 2)
	env := newEnvironment(f, spec.Name)
	var stopped, again, late answer
	f.at(env, experiment.ActivityPretrainEpoch, 3, func() {
		env.RegisterDelayedCallback(func() {
			update(env, &stopped, experiment.UpdateStop)
			update(env, &again, experiment.UpdateStop)
			update(env, &late, experiment.UpdateExtend, experiment.Extension{Epochs: 9})
		}, 0)
	})
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.NoError(t, stopped.err)
	require.Equal(t, 2, stopped.change.Done)
	require.ErrorContains(t, again.err, "being stopped already")
	require.ErrorContains(t, late.err, "pretraining is being stopped")
	require.Equal(t, []string{
		"PrepareData", "PretrainEpoch 1", "PretrainEpoch 2", "PretrainEpoch 3", "MonitorEpoch 2", "SelectCheckpoint",
		"EvaluateLinear",
	}, f.seen()[:7], "the last epoch is monitored, though it was not planned as the last")
	require.Equal(t, []experiment.UnfinishedEpoch{{Stage: experiment.StagePretrain, Epoch: 3}}, f.unfinished)
	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Len(t, r.Pretrain, 2)
	require.Equal(t, 2, r.Best.Epoch, "it can be selected as any other")
	require.Equal(t, []experiment.Change{stopped.change}, r.Changes)
}

// Before any epoch is done there is nothing to evaluate: the first is finished.
func TestStopInTheFirstEpochFinishesIt(t *testing.T) {
	for _, c := range []struct {
		activity string
		want     []string
	}{
		{experiment.ActivityPretrainEpoch, []string{"PrepareData", "PretrainEpoch 1", "MonitorEpoch 1", "SelectCheckpoint"}},
		{experiment.ActivityFinetuneEpoch, []string{"FinetuneEpoch 1", "SelectFinetuned"}},
		{experiment.ActivityLinearAugmentedEpoch, []string{"LinearAugmentedEpoch 1", "SelectLinearAugmented"}},
	} {
		f := &fakes{accuracies: []float64{-1, 0.5}}
		spec := everyProtocol(t)
		env := newEnvironment(f, spec.Name)
		var stopped answer
		f.during(c.activity, 1, func() { <-update(env, &stopped, experiment.UpdateStop) })
		env.ExecuteWorkflow(Experiment, spec)
		require.NoError(t, env.GetWorkflowError())
		require.NoError(t, stopped.err)
		require.Subset(t, f.seen(), c.want)
		require.Zero(t, count(f.seen(), call(c.activity, 2)), c.activity)
		require.Empty(t, f.unfinished)
	}
}

// Fine-tuning ends with the epochs that it has, and so does linear evaluation with augmentation.
func TestStoppedClassifiersAreTested(t *testing.T) {
	for _, c := range []struct{ activity, stage string }{
		{experiment.ActivityFinetuneEpoch, experiment.StageFinetune},
		{experiment.ActivityLinearAugmentedEpoch, experiment.StageLinearAugmented},
	} {
		f := &fakes{accuracies: []float64{0.3, 0.5}}
		spec := everyProtocol(t)
		env := newEnvironment(f, spec.Name)
		var stopped answer
		f.at(env, c.activity, 2, func() {
			update(env, &stopped, experiment.UpdateStop)
		})
		env.ExecuteWorkflow(Experiment, spec)
		require.NoError(t, env.GetWorkflowError())
		require.NoError(t, stopped.err)
		require.Equal(t, []experiment.UnfinishedEpoch{{Stage: c.stage, Epoch: 2}}, f.unfinished)
		var r experiment.Result
		require.NoError(t, env.GetWorkflowResult(&r))
		require.Equal(t, c.stage == experiment.StageFinetune, len(r.Finetune.Epochs) == 1)
		require.Equal(t, c.stage == experiment.StageLinearAugmented, len(r.LinearAugmented.Epochs) == 1)
		require.Len(t, r.Ablation[1].Epochs, 2)
	}
}

// What can't end early says so.
func TestStopElsewhereIsRefused(t *testing.T) {
	for _, name := range []string{
		experiment.ActivityPrepareData, experiment.ActivityEvaluateLinear, experiment.ActivityEvaluateTest,
		experiment.ActivityWriteReport,
	} {
		f := &fakes{accuracies: []float64{0.3, 0.5}}
		spec := everyProtocol(t)
		env := newEnvironment(f, spec.Name)
		var stopped answer
		f.during(name, 0, func() { <-update(env, &stopped, experiment.UpdateStop) })
		env.ExecuteWorkflow(Experiment, spec)
		require.NoError(t, env.GetWorkflowError())
		require.ErrorContains(t, stopped.err, "can't be stopped early", name)
	}
}

// The number of epochs changes from the next epoch on, in both directions, and every epoch says under which it was trained.
func TestExtendedPretraining(t *testing.T) {
	for _, c := range []struct {
		name    string
		epochs  int
		want    []int
		earlier []experiment.PretrainPlan
	}{
		{"longer", 5, []int{3, 3, 5, 5, 5}, []experiment.PretrainPlan{{Until: 2, Epochs: 3}}},
		{"shorter, to the epoch under way", 2, []int{3, 3}, nil},
		{"shorter, to what is done", 1, []int{3}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakes{accuracies: []float64{0.3, 0.4, 0.5, 0.6, 0.7}}
			spec := testSpec(t, 3, 1)
			env := newEnvironment(f, spec.Name)
			var extended answer
			change := func() chan struct{} {
				return update(env, &extended, experiment.UpdateExtend, experiment.Extension{Epochs: c.epochs})
			}
			if c.epochs > 1 {
				f.during(experiment.ActivityPretrainEpoch, 2, func() { <-change() })
			} else {
				f.at(env, experiment.ActivityPretrainEpoch, 2, func() { change() })
			}
			env.ExecuteWorkflow(Experiment, spec)
			require.NoError(t, env.GetWorkflowError())
			require.NoError(t, extended.err)
			require.Equal(t, 3, extended.change.Before)
			var r experiment.Result
			require.NoError(t, env.GetWorkflowResult(&r))
			var planned []int
			for _, e := range r.Pretrain {
				planned = append(planned, e.Planned)
			}
			require.Equal(t, c.want, planned)
			require.Equal(t, len(c.want), r.Best.Epoch)
			require.Equal(t, c.earlier, f.tested.Spec.Pretrain.EarlierPlans, "what follows knows how it was trained")
			require.Equal(t, c.earlier, f.reported.Spec.Pretrain.EarlierPlans)
			require.Equal(t, c.epochs, query(t, env).PretrainEpochs)
		})
	}
}

// An extension that does not fit is refused, and changes nothing.
func TestExtensionsThatDoNotFitAreRefused(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.4, 0.5}}
	spec := testSpec(t, 3, 1)
	spec.Pretrain.ProgressiveResizing = []experiment.ResizingPhase{{Epochs: 3, Size: 16}}
	env := newEnvironment(f, spec.Name)
	refused := map[string]*answer{
		"it is 3 already": {}, "must be at least 1, as 1 epochs are done": {}, "progressive_resizing": {}, "must be 0 to 2000": {},
		"pretraining has ended": {},
	}
	f.fail = func(_ context.Context, name string, epoch int) error {
		extend := func(why string, epochs int) {
			<-update(env, refused[why], experiment.UpdateExtend, experiment.Extension{Epochs: epochs})
		}
		if name == experiment.ActivityPretrainEpoch && epoch == 2 {
			extend("it is 3 already", 3)
			extend("must be at least 1, as 1 epochs are done", 0)
			extend("progressive_resizing", 2)
			extend("must be 0 to 2000", 2001)
		}
		if name == experiment.ActivitySelectCheckpoint {
			extend("pretraining has ended", 9)
		}
		return nil
	}
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	for why, got := range refused {
		require.ErrorContains(t, got.err, why)
	}
	require.Equal(t, []int{3, 3, 3}, f.planned)
	require.Empty(t, query(t, env).Changes)
}

// A paused experiment can be cancelled, and leaves nothing inside the epoch.
func TestPausedExperimentIsCancelled(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	spec := testSpec(t, 2, 1)
	env := newEnvironment(f, spec.Name)
	var paused answer
	f.at(env, experiment.ActivityPretrainEpoch, 2, func() {
		update(env, &paused, experiment.UpdatePause)
		env.RegisterDelayedCallback(env.CancelWorkflow, minutes(60))
	})
	env.ExecuteWorkflow(Experiment, spec)
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
	require.NoError(t, paused.err)
	require.Equal(t, []experiment.UnfinishedEpoch{{Stage: experiment.StagePretrain, Epoch: 2}}, f.unfinished)
}

// A new run begins with what people had changed in the one before, the signals that arrived last included.
func TestPretrainingCarriesControlsToItsNextRun(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.5, 0.4}}
	in := PretrainingInput{Spec: testSpec(t, 3, 1), Controls: &Controls{Revision: 1, PretrainEpochs: 5}}
	in.Epochs = []experiment.PretrainEpoch{f.pretrained(1)}
	env := newEnvironment(f, "test/pretraining")
	env.SetContinueAsNewSuggested(true)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(signalControl, Controls{Revision: 3, PretrainEpochs: 2})
		env.SignalWorkflow(signalControl, Controls{Revision: 2, Paused: true})
	}, 0)
	env.ExecuteWorkflow(Pretraining, in)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	var carried PretrainingInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	require.Equal(t, Controls{Revision: 3, PretrainEpochs: 2}, *carried.Controls, "the newest counts, not the last")

	env = newEnvironment(f, "test/pretraining")
	env.ExecuteWorkflow(Pretraining, carried)
	require.NoError(t, env.GetWorkflowError())
	var epochs []experiment.PretrainEpoch
	require.NoError(t, env.GetWorkflowResult(&epochs))
	require.Len(t, epochs, 2)
}

// Where a checkpoint is lost of a pretraining that was extended and stopped, as many epochs are trained again, each as it was
// planned.
func TestChangesOutlastALostCheckpoint(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.4, 0.5, 0.6, 0.7}}
	spec := testSpec(t, 3, 1)
	spec.Checkpoints.KeepLast = 5
	env := newEnvironment(f, spec.Name)
	var extended, stopped answer
	f.at(env, experiment.ActivityPretrainEpoch, 5, func() { update(env, &stopped, experiment.UpdateStop) })
	held := f.fail
	f.fail = func(ctx context.Context, name string, epoch int) error {
		if call(name, epoch) == "PretrainEpoch 2" && extended.change.Epochs == 0 {
			<-update(env, &extended, experiment.UpdateExtend, experiment.Extension{Epochs: 6})
		}
		return held(ctx, name, epoch)
	}
	f.whileDamaged(experiment.ActivityEvaluateLinear, 0, artifact("p4"))
	f.damaged["p2"], f.damaged["p3"] = true, true
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.NoError(t, extended.err)
	require.NoError(t, stopped.err)
	require.Equal(t, []int{3, 3, 6, 6, 3, 6, 6}, f.planned)
	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Len(t, r.Pretrain, 4)
	require.Equal(t, 4, r.Best.Epoch)
}

// Epochs that an earlier run of the experiment recorded bring their plan with them.
func TestRunAgainFollowsThePlanThatWasRecorded(t *testing.T) {
	f := &fakes{accuracies: []float64{0.3, 0.4, 0.5, 0.6, 0.7}, recorded: map[int]int{1: 3, 2: 3, 3: 5}}
	spec := testSpec(t, 3, 1)
	env := newEnvironment(f, spec.Name)
	env.ExecuteWorkflow(Experiment, spec)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []int{3, 3, 3, 5, 5}, f.planned, "the record of epoch 3 says that there are to be 5")
	var r experiment.Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Len(t, r.Pretrain, 5)
	require.Equal(t, []experiment.PretrainPlan{{Until: 2, Epochs: 3}}, f.tested.Spec.Pretrain.EarlierPlans)
	require.Equal(t, 5, query(t, env).PretrainEpochs)
}

// everyProtocol is a spec with two epochs of everything.
func everyProtocol(t *testing.T) experiment.Spec {
	t.Helper()
	spec := testSpec(t, 2, 2)
	require.NoError(t, experiment.Set(&spec, "linear_augmented.epochs=2"))
	require.NoError(t, experiment.Set(&spec, "ablation.label_fractions=[0.1]"))
	spec.Ablation.Epochs = 2
	return spec
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// call is how fakes note an epoch.
func call(name string, epoch int) string { return fmt.Sprintf("%s %d", name, epoch) }

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}
