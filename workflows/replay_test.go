package workflows

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"twinview/telemetry"
)

// tracers are the interceptors of a worker whose environment names a collector of traces.
func tracers(t *testing.T) (all []interceptor.WorkerInterceptor) {
	t.Helper()
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	traces, err := telemetry.OpenTraces(t.Context(), slog.New(slog.DiscardHandler), "worker")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, traces.Close(context.WithoutCancel(t.Context()))) })
	interceptors, err := traces.Interceptors()
	require.NoError(t, err)
	require.NotEmpty(t, interceptors)
	for _, i := range interceptors {
		all = append(all, i.(interceptor.WorkerInterceptor))
	}
	return all
}

// A worker of this version must be able to take over every experiment that an earlier version began. See server_test.go
// for how the histories were recorded.
func TestReplay(t *testing.T) {
	t.Run("without traces", func(t *testing.T) { replayAll(t, nil) })
	// Histories that began without traces go on with them.
	t.Run("with traces", func(t *testing.T) { replayAll(t, tracers(t)) })
}

func replayAll(t *testing.T, interceptors []interceptor.WorkerInterceptor) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := os.Open(file)
			require.NoError(t, err)
			defer f.Close()
			recorded, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
			require.NoError(t, err)

			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: interceptors})
			require.NoError(t, err)
			Register(replayer)
			logger := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
			// Experiment compares the workflow's ID with the spec's name.
			id := recorded.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			require.NotEmpty(t, id)
			options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id}}
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(logger, recorded, options))
		})
	}
}
