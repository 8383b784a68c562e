package workflows

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// A worker of this version must be able to take over every experiment that an earlier version began. See server_test.go
// for how the histories were recorded.
func TestReplay(t *testing.T) {
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

			replayer := worker.NewWorkflowReplayer()
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
