package report

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"twinview/experiment"
)

// What people changed on the way is in metrics.json and in the report, with the plan of every epoch.
func TestChangesAreReported(t *testing.T) {
	in := sampleInput(4, 2, 2)
	for i, planned := range []int{3, 3, 6, 6} {
		in.Result.Pretrain[i].Planned = planned
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in.Result.Changes = []experiment.Change{
		{At: at, Update: experiment.UpdateExtend, Stage: experiment.StagePretrain, Done: 2, Before: 3, Epochs: 6},
		{At: at, Update: experiment.UpdateStop, Stage: experiment.StagePretrain, Done: 4},
	}
	in.Result.RollBacks = []experiment.RollBack{{At: at, Stage: experiment.StagePretrain, Lost: "p3", Epochs: 2}}
	data, err := Metrics(in.Spec, in.Result)
	require.NoError(t, err)
	var m MetricsFile
	require.NoError(t, json.Unmarshal(data, &m))
	require.Equal(t, []int{3, 3, 6, 6}, m.Pretrain.PlannedEpochs)
	require.Equal(t, in.Result.Changes, m.Changes)
	require.Equal(t, in.Result.RollBacks, m.RollBacks)

	page, err := HTML(in)
	require.NoError(t, err)
	require.Contains(t, string(page), "Changed at 2026-01-02 03:04:05 UTC")
	require.Contains(t, string(page), "pretrain.epochs changed from 3 to 6 in stage pretrain, epochs done: 2")
	require.Contains(t, string(page), "Went back at 2026-01-02 03:04:05 UTC")
	require.Contains(t, string(page), "p3 can&#39;t be read back: pretrain went back to epoch 2")
	require.Contains(t, string(page), "1 to 2 as of 3, 3 to 4 as of 6")
}

// Nothing is said of an experiment that went as planned, whichever version ran it.
func TestNothingToReportOfChanges(t *testing.T) {
	in := sampleInput(4, 2, 2)
	require.Empty(t, changeFacts(in))
	for i := range in.Result.Pretrain {
		in.Result.Pretrain[i].Planned = 4
	}
	require.Empty(t, changeFacts(in))
}
