package workflows

import (
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

const (
	// trainTimeout bounds one attempt at an epoch. It is there so that nothing can hang for ever, not to hurry anyone.
	trainTimeout = 24 * time.Hour
	// generalTimeout bounds a download, a report, a removal.
	generalTimeout = 4 * time.Hour
	// heartbeatTimeout is how soon a dead worker is noticed. Workers send a heartbeat every three seconds.
	heartbeatTimeout = 10 * time.Second
	// handoverTimeout is how long an epoch waits for the worker that holds its state. That one polls again as soon as it has
	// handed over the epoch before; where it does not, it is gone or trains something else.
	handoverTimeout = time.Second
)

// retry tries again until it works: a worker, the network or the store can be away for a night. What no retry helps is
// named by its type and fails at once. An attempt that fails says itself how long the next one should wait; one whose worker is
// gone can't, and the next worker takes over at once, however often that has happened.
func retry() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:        time.Second,
		BackoffCoefficient:     1,
		NonRetryableErrorTypes: experiment.NonRetryableErrors(),
	}
}

// train runs an activity that computes, on the queue where one runs at a time per worker, and stores its result in out.
func train(ctx workflow.Context, activity, summary string, in, out any) error {
	options := activityOptions(experiment.QueueTrain, trainTimeout, summary)
	return execute(ctx, options, activity, in, out)
}

// trainOn is train on the queue of the worker that holds the state, where there is one and that worker takes it at once.
// Otherwise, and when that worker is lost on the way, any worker goes on from the checkpoints in the store.
func trainOn(ctx workflow.Context, queue, activity, summary string, in, out any) error {
	if queue == "" {
		return train(ctx, activity, summary, in, out)
	}
	options := activityOptions(queue, trainTimeout, summary)
	options.ScheduleToStartTimeout = handoverTimeout
	err := execute(ctx, options, activity, in, out)
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_SCHEDULE_TO_START {
		return train(ctx, activity, summary, in, out)
	}
	return err
}

// general runs an activity that only moves bytes, beside training, and stores its result in out unless that is nil.
func general(ctx workflow.Context, activity, summary string, in, out any) error {
	options := activityOptions(experiment.QueueGeneral, generalTimeout, summary)
	return execute(ctx, options, activity, in, out)
}

func activityOptions(queue string, timeout time.Duration, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           queue,
		StartToCloseTimeout: timeout,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         retry(),
		// A cancelled experiment ends when its epoch has ended, not while the processor is still at it.
		WaitForCancellation: true,
		Summary:             summary,
	}
}

// execute waits with the activity while the experiment is paused.
func execute(ctx workflow.Context, options workflow.ActivityOptions, activity string, in, out any) error {
	if err := awaitResumed(ctx); err != nil {
		return err
	}
	ctx = workflow.WithActivityOptions(ctx, options)
	return workflow.ExecuteActivity(ctx, activity, in).Get(ctx, out)
}

// child runs a workflow under an ID derived from the experiment's and stores its result in out.
func child(ctx workflow.Context, id, summary string, run, in, out any) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          id,
		WaitForCancellation: true,
		ParentClosePolicy:   enums.PARENT_CLOSE_POLICY_TERMINATE,
		// An experiment that failed can be run again under its name.
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         summary,
	})
	running := workflow.ExecuteChildWorkflow(ctx, run, in)
	if c := controlOf(ctx); c != nil {
		c.child = running
		defer func() { c.child = nil }()
	}
	return running.Get(ctx, out)
}

// continueNow says whether the history has grown so long that the workflow should go on in a new run. A cancelled one
// should not: the new run would know nothing of it. The next activity ends this one.
func continueNow(ctx workflow.Context) bool {
	if !workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		return false
	}
	// A message that is being handled must not be lost with the old run.
	err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return err == nil && ctx.Err() == nil
}
