package workflows

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"twinview/experiment"
	"twinview/integration/temporaltest"
)

// With -record, TestExperimentOnServer writes the histories of its runs to testdata, where TestReplay finds them:
//
//	go test ./workflows -run TestExperimentOnServer -record v2
//
// TestEveryProtocolOnServer does so too.
//
// Record a new set, beside the old ones, when the workflows' commands change on purpose (behind workflow.GetVersion).
// Delete a set only when no experiment that was begun under it can still be running.
var record = flag.String("record", "", "write the histories of TestExperimentOnServer to testdata under this `prefix`")

func TestExperimentOnServer(t *testing.T) {
	c := startServer(t)
	f := &fakes{accuracies: []float64{-1, 0.3, 0.5, 0.4, 0.2, 0.5, 0.1, 0.3}}
	tries := 0
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == experiment.ActivityPretrainEpoch && epoch == 2 && tries == 0 {
			tries++
			return temporal.NewApplicationError("connection refused", "Unreachable")
		}
		return nil
	}
	startWorkers(t, c, f)
	spec := testSpec(t, 8, 6)
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	var result experiment.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Len(t, result.Pretrain, 8)
	require.Equal(t, 3, result.Best.Epoch)
	require.Len(t, result.Finetune.Epochs, 6)
	require.Equal(t, []string{"p1", "p2", "p4", "p5", "p6", "p7", "f2", "f3", "f4", "f5", "f6"}, f.pruned)

	answer, err := c.QueryWorkflow(t.Context(), spec.Name, "", experiment.QueryProgress)
	require.NoError(t, err)
	var p experiment.Progress
	require.NoError(t, answer.Get(&p))
	require.Equal(t, experiment.StageDone, p.Stage)
	require.Equal(t, result.Pretrain, p.Pretrain)

	experimentRuns := histories(t, c, spec.Name, run.GetRunID())
	require.Len(t, experimentRuns, 1)
	pretraining := histories(t, c, spec.Name+"/pretraining", firstRun(t, experimentRuns[0], experiment.WorkflowPretraining))
	require.Greater(t, len(pretraining), 1, "pretraining continued as new")
	evaluation := histories(t, c, spec.Name+"/evaluation", firstRun(t, experimentRuns[0], experiment.WorkflowEvaluation))
	require.Greater(t, len(evaluation), 1, "evaluation continued as new")
	save(t, "experiment", experimentRuns[0])
	save(t, "pretraining-first", pretraining[0])
	save(t, "pretraining-last", pretraining[len(pretraining)-1])
	save(t, "evaluation-first", evaluation[0])
	save(t, "evaluation-last", evaluation[len(evaluation)-1])
}

// TestEveryProtocolOnServer goes through all parts of an evaluation, which continues as new on the way.
func TestEveryProtocolOnServer(t *testing.T) {
	c := startServer(t)
	f := &fakes{accuracies: []float64{0.5}}
	startWorkers(t, c, f)
	spec := testSpec(t, 1, 2)
	require.NoError(t, experiment.Set(&spec, "linear_augmented.epochs=2"))
	require.NoError(t, experiment.Set(&spec, "ablation.label_fractions=[0.1]"))
	spec.Ablation.Epochs = 4
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	var result experiment.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, []string{
		"PrepareData", "PretrainEpoch 1", "SelectCheckpoint",
		"EvaluateLinear", "LinearAugmentedEpoch 1", "LinearAugmentedEpoch 2", "SelectLinearAugmented",
		"FinetuneEpoch 1", "FinetuneEpoch 2", "SelectFinetuned",
		"ablation/pretrained-0.1 1", "ablation/pretrained-0.1 2", "ablation/pretrained-0.1 3", "ablation/pretrained-0.1 4",
		"ablation/scratch-0.1 1", "ablation/scratch-0.1 2", "ablation/scratch-0.1 3", "ablation/scratch-0.1 4",
		"EvaluateTest", "WriteReport",
	}, f.seen(), "each once, though the evaluation went on in new runs")
	require.Len(t, result.LinearAugmented.Epochs, 2)
	require.Len(t, result.Ablation, 2)
	require.Len(t, result.Ablation[1].Epochs, 4)
	require.NotNil(t, result.Ablation[1].Test)

	experimentRun := histories(t, c, spec.Name, run.GetRunID())[0]
	evaluation := histories(t, c, spec.Name+"/evaluation", firstRun(t, experimentRun, experiment.WorkflowEvaluation))
	require.Greater(t, len(evaluation), 1, "evaluation continued as new")
	save(t, "protocols-experiment", experimentRun)
	save(t, "protocols-evaluation-first", evaluation[0])
	save(t, "protocols-evaluation-last", evaluation[len(evaluation)-1])
}

// TestDivergedOnServer records how a failure that no retry helps passes through the children.
func TestDivergedOnServer(t *testing.T) {
	c := startServer(t)
	f := &fakes{accuracies: []float64{0.3, 0.5}}
	f.fail = func(_ context.Context, name string, epoch int) error {
		if name == experiment.ActivityPretrainEpoch && epoch == 2 {
			return diverged()
		}
		return nil
	}
	startWorkers(t, c, f)
	spec := testSpec(t, 2, 1)
	options := client.StartWorkflowOptions{ID: spec.Name, TaskQueue: experiment.QueueGeneral}
	run, err := c.ExecuteWorkflow(t.Context(), options, experiment.WorkflowExperiment, spec)
	require.NoError(t, err)
	require.Equal(t, experiment.ErrorDiverged, errorType(t, run.Get(t.Context(), nil)))
	save(t, "diverged", histories(t, c, spec.Name, run.GetRunID())[0])
}

// startServer runs Temporal's development server in memory for the length of the test.
func startServer(t *testing.T) client.Client {
	t.Helper()
	logger := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: temporaltest.File(t),
		// The identity gets into recorded histories: it should say nothing about the machine.
		ClientOptions: &client.Options{Identity: "worker", Logger: logger},
		LogLevel:      "error",
		ExtraArgs:     []string{"--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"},
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server.Client()
}

func startWorkers(t *testing.T, c client.Client, f *fakes) {
	t.Helper()
	general := worker.New(c, experiment.QueueGeneral, worker.Options{WorkerStopTimeout: time.Second})
	Register(general)
	f.registerGeneral(general)
	train := worker.New(c, experiment.QueueTrain, worker.Options{
		WorkerStopTimeout: time.Second,
		// Cancellations arrive with heartbeats.
		MaxHeartbeatThrottleInterval: 100 * time.Millisecond,
	})
	f.registerTrain(train)
	for _, w := range []worker.Worker{general, train} {
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
}

// histories are those of a workflow's runs, from the one named to the last of those it continued as.
func histories(t *testing.T, c client.Client, id, run string) []*history.History {
	t.Helper()
	var all []*history.History
	for run != "" {
		events := c.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		h := &history.History{}
		for events.HasNext() {
			e, err := events.Next()
			require.NoError(t, err)
			h.Events = append(h.Events, e)
		}
		all = append(all, h)
		last := h.Events[len(h.Events)-1]
		run = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return all
}

// firstRun is the run ID under which a child of the given type started.
func firstRun(t *testing.T, parent *history.History, workflowType string) string {
	t.Helper()
	runs := children(parent, workflowType)
	require.NotEmpty(t, runs, "no child %s has started", workflowType)
	return runs[0]
}

// children are the run IDs under which children of the given type started.
func children(parent *history.History, workflowType string) (runs []string) {
	for _, e := range parent.Events {
		if a := e.GetChildWorkflowExecutionStartedEventAttributes(); a.GetWorkflowType().GetName() == workflowType {
			runs = append(runs, a.GetWorkflowExecution().GetRunId())
		}
	}
	return runs
}

// save writes a history to testdata, where -record asks for it.
func save(t *testing.T, name string, h *history.History) {
	t.Helper()
	if *record == "" {
		return
	}
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(h)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	require.NoError(t, os.WriteFile(filepath.Join("testdata", *record+"-"+name+".json"), append(data, '\n'), 0o644))
}
