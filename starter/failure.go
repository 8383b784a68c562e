package main

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// ended is the error of an experiment that has ended without a result: what happened, where, and how to go on.
func ended(name string, o observation) error {
	where, stage := "", ""
	if o.progress != nil {
		stage = o.progress.Stage
		where = " in stage " + stage
	}
	return failedError{fmt.Errorf("experiment %q %s%s: %w\n%s", name, status(o.info.GetStatus()), where, cause(o.failure),
		advice(name, stage, o.failure))}
}

// cause is the error that an activity returned, out of the workflows that it came through; err itself where there is
// none.
func cause(err error) error {
	if a := innermost(err); a != nil {
		return fmt.Errorf("%s: %s", a.Type(), a.Message())
	}
	var (
		cancelled  *temporal.CanceledError
		terminated *temporal.TerminatedError
		timeout    *temporal.TimeoutError
	)
	switch {
	case errors.As(err, &cancelled):
		return errors.New("somebody cancelled it")
	case errors.As(err, &terminated):
		return errors.New("somebody terminated it")
	case errors.As(err, &timeout):
		return errors.New(timeout.Error())
	}
	return err
}

// innermost is the application error that is behind all others: an experiment wraps its activity's into one that says where it was.
func innermost(err error) *temporal.ApplicationError {
	var found *temporal.ApplicationError
	for errors.As(err, &found) {
		err = found.Unwrap()
	}
	return found
}

// advice says how to go on after a failure in the stage, which is empty where nobody knows it.
func advice(name, stage string, err error) string {
	kind := ""
	if application := (*temporal.ApplicationError)(nil); errors.As(err, &application) {
		kind = application.Type()
	}
	kept := "what it has stored is kept (`starter get " + name + "`); "
	switch {
	case kind == experiment.ErrorConflict:
		return "choose another name with --name"
	case stage == experiment.StagePrepare:
		return "it has stored nothing, so its name is free: remove the cause and run it again"
	case kind == experiment.ErrorBadSpec || kind == experiment.ErrorDiverged:
		return kept + "correct the spec and run it under another name"
	}
	return kept + "remove the cause and run it again under the same name: it goes on from its checkpoints"
}
