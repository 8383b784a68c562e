package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// takeChanges makes any change that is asked for, but refuses to have more than nine epochs.
func takeChanges(ctx workflow.Context, p *experiment.Progress) error {
	for _, update := range []string{experiment.UpdatePause, experiment.UpdateResume, experiment.UpdateStop} {
		err := workflow.SetUpdateHandler(ctx, update, func(ctx workflow.Context) (experiment.Change, error) {
			if update != experiment.UpdateStop {
				p.Paused = update == experiment.UpdatePause
			}
			if err := index(ctx, p); err != nil {
				return experiment.Change{}, err
			}
			return experiment.Change{At: workflow.Now(ctx), Update: update, Stage: experiment.StagePretrain, Done: 1}, nil
		})
		if err != nil {
			return err
		}
	}
	extend := func(_ workflow.Context, e experiment.Extension) (experiment.Change, error) {
		return experiment.Change{
			Update: experiment.UpdateExtend, Stage: experiment.StagePretrain, Done: 1, Epochs: e.Epochs, Before: 2,
		}, nil
	}
	validate := func(e experiment.Extension) error {
		if e.Epochs > 9 {
			return fmt.Errorf("pretrain.epochs: %d is out of range", e.Epochs)
		}
		return nil
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, experiment.UpdateExtend, extend,
		workflow.UpdateHandlerOptions{Validator: validate})
}

// startRunning starts an experiment that goes on until it is cancelled, and returns the flags that lead to its Temporal.
func startRunning(t *testing.T) []string {
	t.Helper()
	at := startExperiments(t)
	out, err := starter(t, at, "run", writeSpec(t, goodSpec+"seed: 99\n"))
	require.NoError(t, err, out)
	return at
}

// requireChange runs a command that changes the running experiment.
func requireChange(t *testing.T, want string, arguments ...string) {
	t.Helper()
	out, err := starter(t, startRunning(t), arguments...)
	require.NoError(t, err)
	require.Equal(t, want, out)
}

// Whatever is asked of an experiment that has ended, or of none, is told what there is.
func TestOnlyRunningExperimentsCanBeChanged(t *testing.T) {
	at := startExperiments(t)
	_, err := starter(t, at, "run", writeSpec(t, goodSpec), "--watch")
	require.NoError(t, err)
	for _, command := range [][]string{{"pause"}, {"resume"}, {"stop"}, {"extend", "--epochs", "3"}, {"cancel"}} {
		_, err := starter(t, at, append(command, "first")...)
		require.EqualError(t, err,
			command[0]+` "first": that experiment is finished: only a running one can be changed`)
		_, err = starter(t, at, append(command, "second")...)
		require.ErrorContains(t, err, `no experiment is called "second"`)
	}
}
