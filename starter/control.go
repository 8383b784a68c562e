package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// answerTimeout bounds the wait for the worker that makes a change.
const answerTimeout = 30 * time.Second

// change has a running experiment make a change, and says what came of it and how to go on.
func (t *target) change(c *cobra.Command, format output, name, update, next string, arguments ...any) error {
	connection, err := t.dial(c.Context())
	if err != nil {
		return err
	}
	defer connection.Close()
	made, err := connection.update(c.Context(), name, update, arguments...)
	if err != nil {
		return err
	}
	if format == outputJSON {
		return writeJSON(c.OutOrStdout(), changed{name, made})
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %s\n%s\n", name, made, next)
	return err
}

// changed is a change in the JSON of the commands that make one.
type changed struct {
	Name string `json:"name"`
	experiment.Change
}

// update sends one of the updates of package experiment.
func (t *connection) update(
	ctx context.Context, name, update string, arguments ...any,
) (made experiment.Change, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	handle, err := t.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: name, UpdateName: update, Args: arguments, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &made)
	}
	return made, t.explainUpdate(ctx, name, update, err)
}

// explainUpdate puts into words why an update was not made.
func (t *connection) explainUpdate(ctx context.Context, name, update string, err error) error {
	var refused *temporal.ApplicationError
	var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return fmt.Errorf("%s %q: %s", update, name, refused.Message())
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s %q: no worker has answered within %s; look with `starter show %s` whether it was done, and with "+
			"`starter doctor` for workers", update, name, answerTimeout, name)
	case errors.As(err, new(*serviceerror.NotFound)):
		if err := t.checkRunning(ctx, name, update); err != nil {
			return err
		}
	}
	return t.explain(name, err)
}

// checkRunning refuses to do something to an experiment that has ended, or that there never was.
func (t *connection) checkRunning(ctx context.Context, name, doing string) error {
	description, err := t.DescribeWorkflowExecution(ctx, name, "")
	if err != nil {
		return t.explain(name, err)
	}
	state := description.GetWorkflowExecutionInfo().GetStatus()
	if state == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil
	}
	return fmt.Errorf("%s %q: that experiment is %s: only a running one can be changed", doing, name, status(state))
}
