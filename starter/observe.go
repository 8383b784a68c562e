package main

import (
	"context"
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"twinview/experiment"
	"twinview/payload"
)

// askTimeout bounds one question while watching.
const askTimeout = 5 * time.Second

// observation is an experiment at one moment.
type observation struct {
	info *workflow.WorkflowExecutionInfo
	// progress is nil where no worker has answered; silence says why not.
	progress *experiment.Progress
	silence  error
	// ending is there when the experiment has finished, failure when it has ended otherwise.
	ending  *ending
	failure error
	// activities are those that run or wait, also in the children.
	activities []pending
}

// pending is an activity that runs or waits for its next attempt.
type pending struct {
	// key tells it from every other activity of the experiment.
	key     string
	kind    string
	attempt int32
	running bool
	// worker is the identity of the one that has it, started and beat are when this attempt began and the newest heartbeat came.
	worker        string
	started, beat time.Time
	// heartbeat is the newest one, nil before the first.
	heartbeat *experiment.Heartbeat
	// lastFailure is why the attempt before ended, empty in the first.
	lastFailure string
}

// observe looks at the experiment. The error is Temporal's: it does not answer, or knows no such experiment.
func (t *connection) observe(ctx context.Context, name string) (observation, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	description, err := t.DescribeWorkflowExecution(ctx, name, "")
	if err != nil {
		return observation{}, err
	}
	o := observation{info: description.GetWorkflowExecutionInfo()}
	switch o.info.GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		if o.progress, o.silence = t.progress(ctx, name, ""); payload.IsLocked(o.silence) {
			return o, o.silence
		}
		o.activities = t.pendingActivities(name, description.GetPendingActivities())
		for _, child := range description.GetPendingChildren() {
			o.activities = append(o.activities, t.childActivities(ctx, child.GetWorkflowId())...)
		}
		return o, nil
	}
	return o, t.outcome(ctx, name, &o)
}

// outcome adds how an experiment has ended. The history knows that, no worker is needed.
func (t *connection) outcome(ctx context.Context, name string, o *observation) error {
	var e ending
	run := o.info.GetExecution().GetRunId()
	err := t.GetWorkflow(ctx, name, run).Get(ctx, &e.result)
	switch {
	case err == nil:
		o.ending, o.progress = &e, finished(e.result)
		e.spec, err = t.spec(ctx, name, run)
		return err
	case isAway(err) || payload.IsLocked(err):
		return err
	}
	o.failure = err
	// How far it came is nice to know, but needs a worker.
	o.progress, _ = t.progress(ctx, name, run)
	return nil
}

// progress asks the experiment itself, which a worker answers. Without a run, that is the newest of the name.
func (t *connection) progress(ctx context.Context, name, run string) (*experiment.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := t.QueryWorkflow(ctx, name, run, experiment.QueryProgress)
	if err != nil {
		return nil, err
	}
	var p experiment.Progress
	if err := answer.Get(&p); err != nil {
		return nil, err
	}
	return &p, nil
}

// finished is the progress of an experiment that has this result.
func finished(r experiment.Result) *experiment.Progress {
	p := &experiment.Progress{
		Experiment:     r.Experiment,
		Stage:          experiment.StageDone,
		LeftOut:        leftOut(&r),
		PretrainEpochs: len(r.Pretrain),
		FinetuneEpochs: len(r.Finetune.Epochs),
		Changes:        r.Changes,
		RollBacks:      r.RollBacks,
		Data:           &r.Data,
		Pretrain:       r.Pretrain,
		Retry:          experiment.Retried(r.Pretrain),
		Best:           &r.Best,
		Linear:         &r.Linear,
		Finetune:       r.Finetune.Epochs,
		Ablation:       r.Ablation,
		Result:         &r,
	}
	if l := r.LinearAugmented; l != nil {
		p.LinearAugmented, p.LinearAugmentedEpochs = l.Epochs, len(l.Epochs)
	}
	for _, arm := range r.Ablation {
		p.AblationEpochs = len(arm.Epochs)
	}
	return p
}

// leftOut are the stages that have nothing in a result.
func leftOut(r *experiment.Result) []string {
	var stages []string
	for _, s := range []struct {
		stage string
		empty bool
	}{
		{experiment.StageLinear, len(r.Linear.Epochs) == 0},
		{experiment.StageLinearAugmented, r.LinearAugmented == nil},
		{experiment.StageFinetune, len(r.Finetune.Epochs) == 0},
		{experiment.StageAblation, len(r.Ablation) == 0},
	} {
		if s.empty {
			stages = append(stages, s.stage)
		}
	}
	return stages
}

// childActivities are none where the child has ended in the meantime.
func (t *connection) childActivities(ctx context.Context, id string) []pending {
	description, err := t.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return nil
	}
	return t.pendingActivities(id, description.GetPendingActivities())
}

func (t *connection) pendingActivities(workflowID string, infos []*workflow.PendingActivityInfo) []pending {
	var all []pending
	for _, a := range infos {
		p := pending{
			key:     workflowID + "#" + a.GetActivityId(),
			kind:    a.GetActivityType().GetName(),
			attempt: a.GetAttempt(),
			running: a.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED,
			worker:  a.GetLastWorkerIdentity(),
			started: timeOf(a.GetLastStartedTime()),
			beat:    timeOf(a.GetLastHeartbeatTime()),
		}
		if f := a.GetLastFailure(); f.GetApplicationFailureInfo().GetType() != experiment.ErrorBusy {
			p.lastFailure = t.keys.Message(f)
		}
		var h experiment.Heartbeat
		err := t.options.DataConverter.FromPayloads(a.GetHeartbeatDetails(), &h)
		if a.GetHeartbeatDetails() != nil && err == nil {
			p.heartbeat = &h
		}
		all = append(all, p)
	}
	return all
}

// timeOf is zero where Temporal gives no time.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// isAway says whether Temporal did not answer, as opposed to an answer that is an error.
func isAway(err error) bool {
	return errors.As(err, new(*serviceerror.Unavailable)) || errors.As(err, new(*serviceerror.DeadlineExceeded)) ||
		errors.Is(err, context.DeadlineExceeded)
}
