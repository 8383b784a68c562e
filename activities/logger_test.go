package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"twinview/experiment"
)

// Whatever an attempt logs says of which experiment, stage, epoch and attempt it is.
func TestLogSaysWhatItIsAbout(t *testing.T) {
	var out bytes.Buffer
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewJSONHandler(&out, nil))))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(func(ctx context.Context) (int, error) {
		at := experiment.Heartbeat{Stage: experiment.StageFinetune, Epoch: 3}
		return attempt(ctx, &Activities{}, at, func(ctx context.Context, _ *pulse) (int, error) {
			logger(ctx).Info("fetch data set")
			return 0, nil
		})
	}, activity.RegisterOptions{Name: "work"})
	_, err := env.ExecuteActivity("work")
	require.NoError(t, err)

	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	require.Len(t, lines, 3, out.String())
	for i, message := range []string{"begin", "fetch data set", "end"} {
		var line map[string]any
		require.NoError(t, json.Unmarshal(lines[i], &line))
		require.Equal(t, message, line["msg"])
		require.Equal(t, "default-test-workflow-id", line["experiment"])
		require.Equal(t, experiment.StageFinetune, line["stage"])
		require.InDelta(t, 3, line["epoch"], 0)
		require.InDelta(t, 1, line["attempt"], 0)
	}
}
