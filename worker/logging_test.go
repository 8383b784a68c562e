package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
)

// logged is the line that the SDK's logger writes, as JSON.
func logged(t *testing.T, l logging, write func(sdklog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log, err := l.logger(&out)
	require.NoError(t, err)
	write(sdklog.NewStructuredLogger(log.With("worker", "1@lab")))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), out.String())
	return line
}

func TestLogNamesTheExperimentOfAWorkflow(t *testing.T) {
	l := logging{formatJSON, "info"}
	line := logged(t, l, func(log sdklog.Logger) {
		sdklog.With(log, "WorkflowID", "first/pretraining", "Attempt", 1).Warn("training diverged", "loss", 2.5)
	})
	require.Equal(t, "first", line["experiment"])
	require.Equal(t, "1@lab", line["worker"])
	require.Equal(t, "WARN", line["level"])
	require.InDelta(t, 2.5, line["loss"], 0)

	line = logged(t, l, func(log sdklog.Logger) { log.Warn("workflow task failed", "WorkflowID", "first/evaluation") })
	require.Equal(t, "first", line["experiment"], "the SDK's own lines too")

	line = logged(t, l, func(log sdklog.Logger) {
		sdklog.With(log, "ActivityID", "5", "WorkflowID", "first/pretraining").Info("end")
	})
	require.NotContains(t, line, "experiment", "activities say it themselves")
}

func TestLogLevelAndFormat(t *testing.T) {
	var out bytes.Buffer
	log, err := logging{formatText, "warn"}.logger(&out)
	require.NoError(t, err)
	log.Info("not this")
	log.Warn("this", "step", 7)
	require.NotContains(t, out.String(), "not this")
	require.Contains(t, out.String(), "level=WARN msg=this step=7\n")

	_, err = logging{"xml", "info"}.logger(&out)
	require.EqualError(t, err, `--log-format "xml": must be text or json`)
	_, err = logging{formatText, "loud"}.logger(&out)
	require.EqualError(t, err, `--log-level "loud": must be debug, info, warn or error`)
}
