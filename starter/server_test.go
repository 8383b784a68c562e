package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"twinview/attribute"
	"twinview/experiment"
	"twinview/integration/temporaltest"
)

// carryOut stands for the workers: an experiment with seed 13 has bad data, one with seed 99 goes on until it is
// cancelled, and any other has the same result.
func carryOut(ctx workflow.Context, spec experiment.Spec) (*experiment.Result, error) {
	p := testProgress(experiment.StagePretrain, 1)
	err := workflow.SetQueryHandler(ctx, experiment.QueryProgress, func() (experiment.Progress, error) { return p, nil })
	if err != nil {
		return nil, err
	}
	if err := takeChanges(ctx, &p); err != nil {
		return nil, err
	}
	switch spec.Seed {
	case 13:
		return nil, temporal.NewNonRetryableApplicationError("digest differs", experiment.ErrorBadData, nil)
	case 99:
		return nil, workflow.Await(ctx, func() bool { return false })
	}
	r := testResult()
	return &r, index(ctx, finished(r))
}

// index keeps the search attributes up to date where there are any, as experiments do.
func index(ctx workflow.Context, p *experiment.Progress) error {
	before, ok := attribute.Of(workflow.GetTypedSearchAttributes(ctx))
	if !ok {
		return nil
	}
	now := before
	now.Stage, now.Paused, now.Loss, now.BestAccuracy = p.Stage, p.Paused, p.Loss(), p.BestAccuracy()
	return workflow.UpsertTypedSearchAttributes(ctx, now.Since(before)...)
}

// startExperiments runs Temporal with a worker for experiments, and returns the flags that lead there.
func startExperiments(t *testing.T) []string {
	t.Helper()
	noServers(t)
	server := temporaltest.Start(t)
	for _, queue := range []string{experiment.QueueGeneral, experiment.QueueTrain} {
		w := worker.New(server.Client, queue, worker.Options{WorkerStopTimeout: time.Second})
		w.RegisterWorkflowWithOptions(carryOut, workflow.RegisterOptions{Name: experiment.WorkflowExperiment})
		w.RegisterActivityWithOptions(func() error { return errors.New("unused") }, activity.RegisterOptions{Name: "Unused"})
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	return []string{"--address", server.Address}
}

// starter runs a command line and returns what it printed.
func starter(t *testing.T, flags []string, arguments ...string) (string, error) {
	t.Helper()
	c := newCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append(arguments, flags...))
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestExperimentFromTheCommandLine(t *testing.T) {
	at := startExperiments(t)
	spec := writeSpec(t, goodSpec)
	t.Setenv(envUI, "http://ui.example/")

	out, err := starter(t, at, "list")
	require.NoError(t, err)
	require.Contains(t, out, "there are no experiments")

	out, err = starter(t, at, "run", spec, "--watch")
	require.NoError(t, err, out)
	require.Contains(t, out, "web UI: http://ui.example/namespaces/default/workflows/first")
	require.Contains(t, out, "epoch 2/2")
	require.Contains(t, out, "experiments/first/report.html")

	_, err = starter(t, at, "run", spec)
	require.ErrorContains(t, err, `the name "first" is in use: that experiment is finished`)
	require.ErrorContains(t, err, "--name")

	out, err = starter(t, at, "show", "first")
	require.NoError(t, err)
	require.Contains(t, out, "first is finished")
	require.Contains(t, out, "experiments/first/report.html")

	out, err = starter(t, at, "show", "first", "-o", "json")
	require.NoError(t, err)
	var d details
	require.NoError(t, json.Unmarshal([]byte(out), &d))
	require.Equal(t, testResult().Pretrain, d.Progress.Pretrain)

	_, err = starter(t, at, "show", "second")
	require.ErrorContains(t, err, `no experiment is called "second"`)
	_, err = starter(t, at, "watch", "second")
	require.ErrorContains(t, err, `no experiment is called "second"`)
}

func TestRunningExperimentKeepsItsName(t *testing.T) {
	at := startExperiments(t)
	spec := writeSpec(t, goodSpec+"seed: 99\n")
	out, err := starter(t, at, "run", spec)
	require.NoError(t, err, out)
	require.Contains(t, out, "starter watch first")
	_, err = starter(t, at, "run", spec, "--set", "seed=1")
	require.ErrorContains(t, err, "that experiment is running, and nothing about it was changed")

	out, err = starter(t, at, "show", "first")
	require.NoError(t, err)
	require.Contains(t, out, "first is running")
	require.Contains(t, out, "epoch 1/2", "the worker has answered")
}

func TestFailedExperimentCanRunAgain(t *testing.T) {
	at := startExperiments(t)
	spec := writeSpec(t, goodSpec)
	_, err := starter(t, at, "run", spec, "--watch", "--set", "seed=13")
	require.ErrorContains(t, err, `experiment "first" failed`)
	require.ErrorContains(t, err, "BadData: digest differs")

	out, err := starter(t, at, "show", "first")
	require.NoError(t, err)
	require.Contains(t, out, "cause: BadData: digest differs")

	out, err = starter(t, at, "run", spec, "--watch")
	require.NoError(t, err, out)
	require.Eventually(t, func() bool {
		out, err = starter(t, at, "list", "-o", "json")
		var all []overview
		return err == nil && json.Unmarshal([]byte(out), &all) == nil && len(all) == 2 && all[0].Status == "finished"
	}, 10*time.Second, 100*time.Millisecond, "visibility catches up")
}

func TestDoctorFindsWorkers(t *testing.T) {
	at := startExperiments(t)
	require.Eventually(t, func() bool {
		_, err := starter(t, at, "doctor", "--only", "temporal,workers")
		return err == nil
	}, 10*time.Second, 100*time.Millisecond)
}

func TestRunWarnsWhereNoWorkerPolls(t *testing.T) {
	noServers(t)
	server := temporaltest.Start(t)
	out, err := starter(t, []string{"--address", server.Address}, "run", writeSpec(t, goodSpec))
	require.NoError(t, err)
	require.Contains(t, out, `no worker polls "twinview" yet`)
	require.Contains(t, out, `no worker polls "twinview-train" yet`)
}

func TestMissingNamespaceIsNamed(t *testing.T) {
	noServers(t)
	server := temporaltest.Start(t)
	_, err := starter(t, []string{"--address", server.Address, "--namespace", "other"}, "show", "first")
	require.ErrorContains(t, err, `no namespace "other"`)
}
