package main

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// ended is the error of an experiment that has ended without a result: what happened, where, and what is left.
func ended(name string, o observation) error {
	where := ""
	if o.progress != nil {
		where = " in stage " + o.progress.Stage
	}
	return fmt.Errorf("experiment %q %s%s: %w\n%s", name, status(o.info.GetStatus()), where, cause(o.failure),
		advice(name, o.failure))
}

// cause is the error that an activity returned, out of the workflows that it came through; err itself where there is
// none.
func cause(err error) error {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return fmt.Errorf("%s: %s", application.Type(), application.Message())
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

// advice says how to go on.
func advice(name string, err error) string {
	var application *temporal.ApplicationError
	kept := "nothing that it has stored is lost: `starter get " + name + "` fetches it"
	if !errors.As(err, &application) {
		return kept + "; run it again under the same name and it goes on from its checkpoints"
	}
	switch application.Type() {
	case experiment.ErrorBadSpec, experiment.ErrorBadData, experiment.ErrorDiverged:
		return kept + "; correct the spec, then run it under another name"
	case experiment.ErrorConflict:
		return kept + "; choose another name with --name"
	}
	return kept + "; remove the cause, then run it again under the same name and it goes on from its checkpoints"
}
