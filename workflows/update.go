package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// takeUpdates lets people control the experiment from now on. What they change is in c and p, and the child that runs is told.
func takeUpdates(ctx workflow.Context, spec *experiment.Spec, c *control, p *progress) error {
	u := &updates{spec: spec, control: c, progress: p}
	for _, update := range []struct {
		name              string
		handler, validate any
	}{
		{experiment.UpdatePause, u.pause, u.checkPause},
		{experiment.UpdateResume, u.resume, u.checkResume},
		{experiment.UpdateStop, u.stop, u.checkStop},
		{experiment.UpdateExtend, u.extend, u.checkExtend},
	} {
		options := workflow.UpdateHandlerOptions{Validator: update.validate}
		if err := workflow.SetUpdateHandlerWithOptions(ctx, update.name, update.handler, options); err != nil {
			return fmt.Errorf("take the update %q: %w", update.name, err)
		}
	}
	return nil
}

// updates are the handlers and their validators.
type updates struct {
	spec     *experiment.Spec
	control  *control
	progress *progress
}

// checkRunning refuses every update of an experiment that has ended, or will without it.
func (u *updates) checkRunning(ctx workflow.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("experiment %q is being cancelled", u.spec.Name)
	}
	if u.progress.Stage == experiment.StageDone {
		return fmt.Errorf("experiment %q has finished", u.spec.Name)
	}
	return nil
}

func (u *updates) checkPause(ctx workflow.Context) error {
	if u.control.Paused {
		return fmt.Errorf("experiment %q is paused already: resume it first", u.spec.Name)
	}
	return u.checkRunning(ctx)
}

func (u *updates) pause(ctx workflow.Context) (experiment.Change, error) {
	u.control.Paused = true
	return u.apply(ctx, experiment.Change{Update: experiment.UpdatePause}), nil
}

func (u *updates) checkResume(ctx workflow.Context) error {
	if !u.control.Paused {
		return fmt.Errorf("experiment %q is not paused", u.spec.Name)
	}
	return u.checkRunning(ctx)
}

func (u *updates) resume(ctx workflow.Context) (experiment.Change, error) {
	u.control.Paused = false
	return u.apply(ctx, experiment.Change{Update: experiment.UpdateResume}), nil
}

// stoppable are the stages that can end early. Linear evaluation is short; the arms of an ablation could not be compared.
var stoppable = []string{experiment.StagePretrain, experiment.StageLinearAugmented, experiment.StageFinetune}

func (u *updates) checkStop(ctx workflow.Context) error {
	if err := u.checkRunning(ctx); err != nil {
		return err
	}
	stage := u.progress.Stage
	switch {
	case !slices.Contains(stoppable, stage):
		return fmt.Errorf("stage %q can't be stopped early: only %q can; cancel the experiment to end it", stage, stoppable)
	case stage == experiment.StagePretrain && u.progress.PretrainEpochs == 0:
		return fmt.Errorf("stage %q can't be stopped early: this experiment trains no epochs in it", stage)
	case slices.Contains(u.control.Stopped, stage):
		return fmt.Errorf("stage %q is being stopped already", stage)
	}
	return nil
}

func (u *updates) stop(ctx workflow.Context) (experiment.Change, error) {
	// Controls that were given away share the old list.
	u.control.Stopped = append(slices.Clone(u.control.Stopped), u.progress.Stage)
	return u.apply(ctx, experiment.Change{Update: experiment.UpdateStop}), nil
}

func (u *updates) checkExtend(ctx workflow.Context, e experiment.Extension) error {
	if err := u.checkRunning(ctx); err != nil {
		return err
	}
	p := u.progress
	done := len(p.Pretrain)
	switch {
	case p.Stage != experiment.StagePrepare && p.Stage != experiment.StagePretrain:
		return fmt.Errorf("pretrain.epochs: %d is too late: pretraining has ended, this is stage %q", e.Epochs, p.Stage)
	case p.PretrainEpochs == 0:
		return fmt.Errorf("pretrain.epochs: %d: this experiment has no pretraining that could be extended", e.Epochs)
	case slices.Contains(u.control.Stopped, experiment.StagePretrain):
		return fmt.Errorf("pretrain.epochs: %d is too late: pretraining is being stopped", e.Epochs)
	case e.Epochs == p.PretrainEpochs:
		return fmt.Errorf("pretrain.epochs: it is %d already", e.Epochs)
	case e.Epochs < max(1, done):
		return fmt.Errorf("pretrain.epochs: %d is out of range: must be at least %d, as %d epochs are done", e.Epochs,
			max(1, done), done)
	}
	changed := *u.spec
	changed.Pretrain = changed.Pretrain.After(p.Pretrain)
	if e.Epochs > done {
		changed.Pretrain = changed.Pretrain.Replanned(done, e.Epochs)
	}
	// Validate is a pure function of the spec; the checker stumbles over the library code that it calls.
	return changed.Validate() //workflowcheck:ignore
}

func (u *updates) extend(ctx workflow.Context, e experiment.Extension) (experiment.Change, error) {
	change := experiment.Change{Update: experiment.UpdateExtend, Epochs: e.Epochs, Before: u.progress.PretrainEpochs}
	u.control.PretrainEpochs, u.progress.PretrainEpochs = e.Epochs, e.Epochs
	return u.apply(ctx, change), nil
}

// apply records the change, shows it, and tells the child that runs.
func (u *updates) apply(ctx workflow.Context, change experiment.Change) experiment.Change {
	u.control.Revision++
	p := u.progress
	change.At, change.Stage, change.Done = workflow.Now(ctx), p.Stage, p.done()
	p.Paused = u.control.Paused
	p.Changes = append(p.Changes, change)
	p.show(ctx)
	u.tellChild(ctx)
	return change
}

// tellChild passes the controls on. A child that has not begun yet has been given earlier ones; one that has ended needs none:
// what it did not come to heed, the experiment itself does.
func (u *updates) tellChild(ctx workflow.Context) {
	child := u.control.child
	if child == nil {
		return
	}
	var run workflow.Execution
	err := child.GetChildWorkflowExecution().Get(ctx, &run)
	if err == nil {
		// Without a run ID, it reaches whichever run the child is in.
		err = workflow.SignalExternalWorkflow(ctx, run.ID, "", signalControl, u.control.Controls).Get(ctx, nil)
	}
	if err != nil {
		workflow.GetLogger(ctx).Warn("tell the child of a change", "error", err)
	}
}
