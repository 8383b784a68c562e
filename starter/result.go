package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	enums "go.temporal.io/api/enums/v1"

	"twinview/experiment"
	"twinview/report"
)

// ending is what a finished experiment leaves.
type ending struct {
	spec   experiment.Spec
	result experiment.Result
}

// write prints the figures and the keys under which the store has the files.
func (e *ending) write(w io.Writer) error {
	fmt.Fprintln(w)
	return report.Summary(w, e.spec, e.result)
}

// spec is what the experiment was submitted with, which is the first thing in its history.
func (t *connection) spec(ctx context.Context, name, run string) (experiment.Spec, error) {
	var spec experiment.Spec
	events := t.GetWorkflowHistory(ctx, name, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return spec, errors.New("its history is empty")
	}
	first, err := events.Next()
	if err != nil {
		return spec, err
	}
	input := first.GetWorkflowExecutionStartedEventAttributes().GetInput()
	if err := t.options.DataConverter.FromPayloads(input, &spec); err != nil {
		return spec, fmt.Errorf("read its spec: %w", err)
	}
	return spec, nil
}
