package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"

	"twinview/experiment"
)

// script plays observations, the last one for ever.
type script []func() (observation, error)

func (s *script) observe(context.Context, string) (observation, error) {
	next := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	return next()
}

func (s *script) explain(_ string, err error) error { return fmt.Errorf("explained: %w", err) }

func seeing(o observation) func() (observation, error) {
	return func() (observation, error) { return o, nil }
}

func failing(err error) func() (observation, error) {
	return func() (observation, error) { return observation{}, err }
}

func inStage(stage string, epochs int, running ...pending) observation {
	p := testProgress(stage, epochs)
	return observation{progress: &p, activities: running}
}

func atTheEnd(t *testing.T) observation {
	r := testResult()
	return observation{progress: finished(r), ending: &ending{spec: testSpec(t), result: r}}
}

// play watches the script in a bubble of its own time.
func play(t *testing.T, s script) (lines []string, err error) {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		err = watch(t.Context(), &s, &out, "first")
	})
	return strings.Split(out.String(), "\n"), err
}

func TestWatchTellsTheResults(t *testing.T) {
	lines, err := play(t, script{
		seeing(inStage(experiment.StagePretrain, 0)),
		seeing(inStage(experiment.StagePretrain, 1)),
		seeing(atTheEnd(t)),
	})
	require.NoError(t, err)
	require.Contains(t, lines, "pretrain  epoch 2/2  loss 2.0000  kNN 50.00 %  123 views/s  1m1s")
	text := strings.Join(lines, "\n")
	require.Contains(t, text, "experiments/first/report.html")
	require.Contains(t, text, "55.0 %", "linear accuracy on test")
}

func TestWatchTellsTheCauseOfAFailure(t *testing.T) {
	cause := temporal.NewNonRetryableApplicationError("loss is NaN in step 12", experiment.ErrorDiverged, nil)
	o := inStage(experiment.StagePretrain, 1)
	o.failure = fmt.Errorf("workflow: %w", cause)
	o.info = &workflow.WorkflowExecutionInfo{Status: enums.WORKFLOW_EXECUTION_STATUS_FAILED}
	_, err := play(t, script{seeing(o)})
	require.ErrorContains(t, err, `experiment "first" failed in stage pretrain: Diverged: loss is NaN in step 12`)
	require.ErrorContains(t, err, "correct the spec and run it under another name")
}

func TestWatchOutlastsTemporal(t *testing.T) {
	away := failing(serviceerror.NewUnavailable("connection refused"))
	s := script{seeing(inStage(experiment.StagePretrain, 1))}
	for range 30 {
		s = append(s, away)
	}
	lines, err := play(t, append(s, seeing(atTheEnd(t))))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(strings.Join(lines, "\n"), "Temporal does not answer; waiting"))
	require.Contains(t, lines, "there is an answer again")
}

func TestWatchSaysThatNoWorkerAnswers(t *testing.T) {
	silent := observation{silence: context.DeadlineExceeded}
	s := script{}
	for range 20 {
		s = append(s, seeing(silent))
	}
	lines, err := play(t, append(s, seeing(atTheEnd(t))))
	require.NoError(t, err)
	require.Contains(t, lines[0], "no worker answers")
	require.Contains(t, lines[1], "there is an answer again")
}

func TestWatchNeedsTheExperimentToExist(t *testing.T) {
	_, err := play(t, script{failing(serviceerror.NewNotFound("none"))})
	require.ErrorContains(t, err, "explained: none")
}

func TestWatchTellsARepeatedFailureOnce(t *testing.T) {
	trying := func(attempt int32, failure string) func() (observation, error) {
		return seeing(inStage(experiment.StagePretrain, 0, pending{
			key: "first#5", kind: experiment.ActivityPretrainEpoch, attempt: attempt, lastFailure: failure,
		}))
	}
	lines, err := play(t, script{
		trying(1, ""), trying(2, "store unreachable"), trying(3, "store unreachable"), trying(4, "activity Heartbeat timeout"),
		seeing(atTheEnd(t)),
	})
	require.NoError(t, err)
	text := strings.Join(lines, "\n")
	require.Equal(t, 1, strings.Count(text, "PretrainEpoch: attempt 1 failed: store unreachable"))
	require.Equal(t, 1, strings.Count(text, "PretrainEpoch: attempt 3 failed: activity Heartbeat timeout"))
	require.NotContains(t, text, "attempt 2 failed")
}

func TestWatchWithoutATerminalTellsALongEpochOnceAMinute(t *testing.T) {
	beat := pending{key: "first#5", running: true, heartbeat: &experiment.Heartbeat{
		Stage: experiment.StagePretrain, Epoch: 1, Step: 3, Steps: 9,
	}}
	s := script{}
	for range 130 {
		s = append(s, seeing(inStage(experiment.StagePretrain, 0, beat)))
	}
	lines, err := play(t, append(s, seeing(atTheEnd(t))))
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(strings.Join(lines, "\n"), "step 3/9"))
}

func TestWatchCanBeInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		s := script{seeing(inStage(experiment.StagePretrain, 0))}
		err := watch(ctx, &s, &bytes.Buffer{}, "first")
		require.ErrorIs(t, err, errInterrupted)
		require.ErrorContains(t, err, "starter watch first")
	})
}
