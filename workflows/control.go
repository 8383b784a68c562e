package workflows

import (
	"errors"
	"slices"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// signalControl is the name of the signal by which an experiment passes its Controls on to the child that runs.
const signalControl = "control"

// discardTimeout bounds the removal of checkpoints inside an epoch that was given up. Left behind, they cost only room.
const discardTimeout = time.Minute

// Controls are what people want of an experiment, as the updates so far have left it. A child gets all of them at its
// beginning and again with each change, so that none depends on another having arrived.
type Controls struct {
	// Revision counts the changes: of two, the greater one is newer.
	Revision int  `json:"revision"`
	Paused   bool `json:"paused,omitempty"`
	// Stopped are the stages that end with the epochs that they have.
	Stopped []string `json:"stopped,omitempty"`
	// PretrainEpochs is the number of pretraining's epochs, 0 where it was not changed.
	PretrainEpochs int `json:"pretrain_epochs,omitempty"`
	// Pretrained is the number of epochs that pretraining had when it ended, 0 before. Where it has to go back because a
	// checkpoint is lost, it trains as many again.
	Pretrained int `json:"pretrained,omitempty"`
}

// control makes a workflow heed the Controls. It travels in the workflow's context, see controlled.
type control struct {
	Controls
	// reached is the greatest number of epochs that each stage has had in this run of the workflow.
	reached map[string]int
	// experiment is the experiment's name.
	experiment string
	// child is the child that runs, nil while none does.
	child workflow.ChildWorkflowFuture
	// running is the epoch under way, its interrupt nil while there is none.
	running struct {
		stage     string
		epoch     int
		interrupt workflow.CancelFunc
	}
	signals workflow.ReceiveChannel
}

type controlKey struct{}

// controlled is the context of everything in a workflow that heeds c.
func controlled(ctx workflow.Context, c *control) workflow.Context {
	return workflow.WithValue(ctx, controlKey{}, c)
}

// controlOf is nil where nothing controls the workflow.
func controlOf(ctx workflow.Context) *control {
	c, _ := ctx.Value(controlKey{}).(*control)
	return c
}

// obey lets a child begin with the controls that its experiment gave it, nil for none, and heed those that follow.
func obey(ctx workflow.Context, name string, from *Controls) (workflow.Context, *control) {
	c := &control{experiment: name, reached: map[string]int{}, signals: workflow.GetSignalChannel(ctx, signalControl)}
	if from != nil {
		c.Controls = *from
	}
	workflow.GoNamed(ctx, "control", func(ctx workflow.Context) {
		for {
			var next Controls
			c.signals.Receive(ctx, &next)
			c.heed(next)
		}
	})
	return controlled(ctx, c), c
}

// heed takes newer controls over, and interrupts the epoch under way where they ask for it.
func (c *control) heed(next Controls) {
	if next.Revision <= c.Revision {
		return
	}
	c.Controls = next
	if r := c.running; r.interrupt != nil && (c.Paused || c.ends(r.stage, r.epoch)) {
		r.interrupt()
	}
}

// ends says whether a stage ends before the epoch of that number. Its first epoch is always finished: without one there
// would be nothing to go on with. So is what was done already, and is done again because a checkpoint is lost.
func (c *control) ends(stage string, epoch int) bool {
	done := max(1, c.reached[stage])
	if stage == experiment.StagePretrain {
		done = max(done, c.Pretrained)
	}
	if epoch <= done {
		return false
	}
	if stage == experiment.StagePretrain && c.PretrainEpochs > 0 && epoch > c.PretrainEpochs {
		return true
	}
	return slices.Contains(c.Stopped, stage)
}

// newest are the controls with all signals that have arrived, for the next run of the workflow; nil while there are none.
func (c *control) newest() *Controls {
	var next Controls
	for c.signals.ReceiveAsync(&next) {
		c.heed(next)
		next = Controls{}
	}
	return c.given()
}

// given are the controls that a child begins with, nil while nobody has changed anything.
func (c *control) given() *Controls {
	if c.Revision == 0 {
		return nil
	}
	given := c.Controls
	return &given
}

// awaitResumed returns when the experiment is not paused, or with the error of a cancelled context.
func awaitResumed(ctx workflow.Context) error {
	c := controlOf(ctx)
	if c == nil || !c.Paused {
		return nil
	}
	return workflow.Await(ctx, func() bool { return !c.Paused })
}

// epoch runs an epoch of a stage, which run does under the context that it is given. A pause interrupts it, and once resumed it
// goes on from the checkpoint that it left. It returns false where the stage is to end without this epoch. What an epoch that
// is given up has left inside it is removed, also where the experiment is cancelled.
func (c *control) epoch(
	ctx workflow.Context, stage string, epoch int, run func(workflow.Context) error,
) (done bool, err error) {
	for begun := false; ; begun = true {
		err := awaitResumed(ctx)
		if err == nil && c.ends(stage, epoch) {
			if begun {
				c.discard(ctx, stage, epoch)
			}
			return false, nil
		}
		interrupted := false
		if err == nil {
			interrupted, err = c.interruptible(ctx, stage, epoch, run)
		}
		if ctx.Err() != nil && err != nil {
			if workflow.GetVersion(ctx, "discard-when-cancelled", workflow.DefaultVersion, 1) > workflow.DefaultVersion {
				c.discard(ctx, stage, epoch)
			}
			return false, err
		}
		if err == nil {
			c.reached[stage] = max(c.reached[stage], epoch)
		}
		if !interrupted || !handedBack(err) {
			return err == nil, err
		}
	}
}

// interruptible runs an epoch so that heed can interrupt it, and says whether it did.
func (c *control) interruptible(
	ctx workflow.Context, stage string, epoch int, run func(workflow.Context) error,
) (interrupted bool, err error) {
	ctx, interrupt := workflow.WithCancel(ctx)
	defer interrupt()
	c.running.stage, c.running.epoch, c.running.interrupt = stage, epoch, interrupt
	defer func() { c.running.interrupt = nil }()
	err = run(ctx)
	return ctx.Err() != nil, err
}

// handedBack says whether an epoch that was interrupted ended for that. Its worker may have failed or died before the news
// arrived there: then Temporal does not try again.
func handedBack(err error) bool {
	var activity *temporal.ActivityError
	return temporal.IsCanceledError(err) ||
		errors.As(err, &activity) && activity.RetryState() == enums.RETRY_STATE_CANCEL_REQUESTED
}

// discard removes the checkpoints inside an epoch that is given up.
func (c *control) discard(ctx workflow.Context, stage string, epoch int) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	options := activityOptions(experiment.QueueGeneral, discardTimeout, "checkpoints inside the epoch")
	options.ScheduleToCloseTimeout = discardTimeout
	request := experiment.PruneCheckpointsInput{
		Experiment: c.experiment, Unfinished: &experiment.UnfinishedEpoch{Stage: stage, Epoch: epoch},
	}
	ctx = workflow.WithActivityOptions(ctx, options)
	err := workflow.ExecuteActivity(ctx, experiment.ActivityPruneCheckpoints, request).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("remove the checkpoints inside an epoch", "stage", stage, "epoch", epoch, "error", err)
	}
}

// pretraining runs the child that trains what in lacks, and again where more epochs were asked for as it ended. in is left with
// all epochs, and with the plans under which they were trained.
func (c *control) pretraining(ctx workflow.Context, in *PretrainingInput) error {
	for {
		in.Controls = c.given()
		var epochs []experiment.PretrainEpoch
		if err := child(ctx, in.Spec.Name+"/pretraining", in.Spec.PretrainingSummary(), Pretraining, *in, &epochs); err != nil {
			return err
		}
		in.Epochs, in.Spec.Pretrain = epochs, in.Spec.Pretrain.After(epochs)
		in.Retry = experiment.Retried(epochs)
		c.Pretrained = len(epochs)
		if done := len(epochs); done >= c.PretrainEpochs || c.ends(experiment.StagePretrain, done+1) {
			return nil
		}
	}
}

// goesOn says whether pretraining has another epoch to train, and plans it as the number of epochs is now. Epochs that an
// earlier run of the experiment has recorded bring the plan with them under which they were trained.
func (c *control) goesOn(in *PretrainingInput) bool {
	done := len(in.Epochs)
	in.Spec.Pretrain = in.Spec.Pretrain.After(in.Epochs)
	if c.ends(experiment.StagePretrain, done+1) {
		return false
	}
	if n := c.PretrainEpochs; n > done && n != in.Spec.Pretrain.Epochs {
		in.Spec.Pretrain = in.Spec.Pretrain.Replanned(done, n)
	}
	return done < max(1, in.Spec.Pretrain.Epochs)
}

// monitorLast measures the last epoch where that was not planned: pretraining ended early.
func monitorLast(ctx workflow.Context, in *PretrainingInput) error {
	last := &in.Epochs[len(in.Epochs)-1]
	if last.KNN != nil || !in.Spec.Dataset.Labelled() {
		return nil
	}
	request := experiment.MonitorEpochInput{Spec: in.Spec, Data: in.Data, Epoch: *last}
	return train(ctx, experiment.ActivityMonitorEpoch, "the last epoch", request, last)
}
