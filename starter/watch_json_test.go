package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// toldLine is a line of watch's JSON, as a program reads it.
type toldLine struct {
	Time                           time.Time
	Experiment, Event, Stage, Text string
	Detail                         map[string]any
}

// playJSON is play for programs; each line must be an object.
func playJSON(t *testing.T, s script) (lines []toldLine, err error) {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		err = watchJSON(t.Context(), &s, &out, "first")
	})
	for text := range strings.Lines(out.String()) {
		var l toldLine
		require.NoError(t, json.Unmarshal([]byte(text), &l), text)
		require.Equal(t, "first", l.Experiment)
		require.False(t, l.Time.IsZero())
		lines = append(lines, l)
	}
	return lines, err
}

func kindsOf(lines []toldLine) []string {
	var kinds []string
	for _, l := range lines {
		kinds = append(kinds, strings.TrimSpace(l.Event+" "+l.Stage))
	}
	return kinds
}

func TestWatchTellsProgramsEachEventOnce(t *testing.T) {
	beat := func(step int) pending {
		return pending{key: "first#5", running: true, beat: noon.Add(time.Duration(step) * time.Second),
			heartbeat: &experiment.Heartbeat{Stage: experiment.StagePretrain, Epoch: 2, Step: step, Steps: 9, Loss: 3}}
	}
	failing := beat(4)
	failing.attempt, failing.lastFailure = 2, "store unreachable"
	lines, err := playJSON(t, script{
		seeing(inStage(experiment.StagePretrain, 0)),
		seeing(inStage(experiment.StagePretrain, 1, beat(3))),
		seeing(inStage(experiment.StagePretrain, 1, beat(3))),
		seeing(inStage(experiment.StagePretrain, 1, failing)),
		seeing(atTheEnd(t)),
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"stage_begun prepare", "stage_done prepare", "stage_begun pretrain", "epoch pretrain", "progress pretrain",
		"attempt_failed", "progress pretrain", "epoch pretrain", "stage_done pretrain", "stage_begun select",
	}, kindsOf(lines)[:10])
	require.Equal(t, 2., lines[2].Detail["epochs"])
	require.Equal(t, 1., lines[3].Detail["epoch"])
	require.Equal(t, 4., lines[3].Detail["loss"])
	require.Equal(t, 0.25, lines[3].Detail["knn"])
	require.Equal(t, 3., lines[4].Detail["step"])
	require.Equal(t, "store unreachable", lines[5].Detail["failure"])
	require.Equal(t, 1., lines[5].Detail["attempt"])
	require.Equal(t, 4., lines[6].Detail["step"])
	last := lines[len(lines)-1]
	require.Equal(t, "finished", last.Event)
	require.Equal(t, "first", last.Detail["experiment"])
	require.NotEmpty(t, last.Detail["test"])
}

func TestWatchTellsProgramsOfAFailure(t *testing.T) {
	cause := temporal.NewNonRetryableApplicationError("loss is NaN in step 12", experiment.ErrorDiverged, nil)
	o := inStage(experiment.StagePretrain, 1)
	o.failure = fmt.Errorf("workflow: %w", cause)
	o.info = &workflow.WorkflowExecutionInfo{Status: enums.WORKFLOW_EXECUTION_STATUS_FAILED}
	lines, err := playJSON(t, script{seeing(o)})
	require.ErrorContains(t, err, "loss is NaN in step 12")
	last := lines[len(lines)-1]
	require.Equal(t, "failed", last.Event)
	require.Equal(t, "Diverged: loss is NaN in step 12", last.Detail["failure"])
}

func TestArmsOfAnAblationAreToldApartToPrograms(t *testing.T) {
	p := testProgress(experiment.StageAblation, 2)
	arm := experiment.Arm{Fraction: 0.5, Start: experiment.FromScratch}
	p.Ablation = []experiment.AblationArm{{Arm: arm, Labels: 100, Epochs: testResult().Linear.Epochs[:1]}}
	text, err := json.Marshal(armEvents(p)[0].detail)
	require.NoError(t, err)
	var detail map[string]any
	require.NoError(t, json.Unmarshal(text, &detail))
	require.Equal(t, "scratch", detail["start"])
	require.Equal(t, 100., detail["labels"])
	require.Equal(t, 1., detail["epoch"])
}
